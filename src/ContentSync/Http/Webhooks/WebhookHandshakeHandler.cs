using System.Globalization;
using ContentSync.Http.Description;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http.Webhooks;

/// <summary>
/// OPTIONS /api/webhooks/content: the abuse protection of CloudEvents' "HTTP 1.1 Web Hooks for Event Delivery", section 4. States whether
/// a sender may deliver, which does not authenticate it: each delivery must. Callback URLs in the request are never called.
/// </summary>
public sealed class WebhookHandshakeHandler(WebhookOptions options, WebhookAuthenticator authenticator)
{
    private const string OriginHeader = "WebHook-Request-Origin";
    private const string RateHeader = "WebHook-Request-Rate";
    private const int MaxOriginLength = 255;

    internal static readonly IReadOnlyList<ParameterDescription> Parameters =
    [
        ParameterDescription.Header(OriginHeader, "The sender's DNS name."),
        ParameterDescription.Header(RateHeader, "The requested rate, per minute."),
    ];

    /// <returns>200, with the permission in headers if it is granted; 404 if no secret is configured.</returns>
    public Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(Respond(request));
    }

    private IResult Respond(HttpRequest request)
    {
        if (!authenticator.IsConfigured) return ReceiveWebhookHandler.NotConfigured;
        var headers = request.HttpContext.Response.Headers;
        headers.Allow = "POST, OPTIONS";
        if (request.Headers[OriginHeader] is not [{ } origin] || !MayRegister(origin)) return Results.Ok();
        headers["WebHook-Allowed-Origin"] = origin;
        headers["WebHook-Allowed-Rate"] = request.Headers[RateHeader] is [{ } rate]
            && int.TryParse(rate, NumberStyles.None, CultureInfo.InvariantCulture, out var perMinute)
            && perMinute > 0
            ? perMinute.ToString(CultureInfo.InvariantCulture)
            : "*";
        return Results.Ok();
    }

    // The origin is echoed in a header, so it must be a DNS name and nothing else.
    private bool MayRegister(string origin) =>
        origin.Length is > 0 and <= MaxOriginLength
        && origin.All(character => char.IsAsciiLetterOrDigit(character) || character is '.' or '-' or ':')
        && (options.AllowedOrigins.Count == 0 || options.AllowedOrigins.Contains(origin, StringComparer.OrdinalIgnoreCase));
}
