using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>Headers that keep a browser from doing with an answer what it is not meant for.</summary>
public static class SecurityHeaders
{
    /// <summary>Scripts and styles of this origin's own files only, none inside a page; nothing from elsewhere, nothing framed.</summary>
    public const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <summary>Sets them on an answer that has not begun. Answers are not kept by a cache unless a handler says otherwise afterwards.</summary>
    public static void Apply(HttpResponse response)
    {
        var headers = response.Headers;
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
    }
}
