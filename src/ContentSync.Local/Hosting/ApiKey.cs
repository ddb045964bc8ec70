using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Local.Hosting;

/// <summary>The key that callers show in the header in which Azure Functions takes it too. In no query: addresses are written down in too many places.</summary>
internal sealed class ApiKey(string? key)
{
    public const string Header = "x-functions-key";

    // Compared as hashes, so that the time tells nothing of the length either.
    private readonly byte[]? _hash = key is null ? null : SHA256.HashData(Encoding.UTF8.GetBytes(key));

    /// <summary>The 401 for a caller without it; null where it is shown or none is asked for.</summary>
    public IResult? Refusal(HttpRequest request)
    {
        if (_hash is null) return null;
        var shown = SHA256.HashData(Encoding.UTF8.GetBytes(request.Headers[Header].ToString()));
        return CryptographicOperations.FixedTimeEquals(shown, _hash)
            ? null
            : TypedResults.Problem($"Show the key that the host was started with, in the header {Header}.", statusCode: StatusCodes.Status401Unauthorized, title: "A key is asked for.");
    }
}
