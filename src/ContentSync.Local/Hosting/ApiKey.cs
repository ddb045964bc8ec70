using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Local.Hosting;

/// <summary>
/// The key that callers send, in the same header as to Azure Functions. It is not accepted in the query, because URLs end up in logs and
/// histories.
/// </summary>
internal sealed class ApiKey(string? key)
{
    public const string Header = "x-functions-key";

    // Comparing hashes keeps the timing independent of the key's length too.
    private readonly byte[]? _hash = key is null ? null : SHA256.HashData(Encoding.UTF8.GetBytes(key));

    /// <summary>A 401 for a caller without the key; null when the key is right, or when none is required.</summary>
    public IResult? Refusal(HttpRequest request)
    {
        if (_hash is null) return null;
        var sent = SHA256.HashData(Encoding.UTF8.GetBytes(request.Headers[Header].ToString()));
        if (CryptographicOperations.FixedTimeEquals(sent, _hash)) return null;
        request.HttpContext.Response.Headers.WWWAuthenticate = $"ApiKey header=\"{Header}\"";
        return TypedResults.Problem(
            $"Send the key that the host was started with in the header {Header}.",
            statusCode: StatusCodes.Status401Unauthorized,
            title: "An API key is required.");
    }
}
