using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace ContentSync.Http;

/// <summary>
/// Tokens that say where the next page of a list begins. A token is authenticated together with the list's filters, so a modified
/// token, or one of another list, is rejected instead of returning the wrong page. Thread-safe.
/// </summary>
public sealed class ContinuationTokens
{
    private const int TagSize = 16;
    // A RowKey of Table storage has up to 512 characters, and the service's own tokens hold two of them in base64.
    private const int MaxCharacters = 4_096;
    private const int MinSecretLength = 16;

    private readonly byte[] _key;

    /// <exception cref="ArgumentException">The secret is shorter than 16 characters.</exception>
    public ContinuationTokens(ApiOptions options)
    {
        if (options.ContinuationSecret is { Length: < MinSecretLength })
        {
            throw new ArgumentException(
                $"{ApiOptions.Section}:{nameof(ApiOptions.ContinuationSecret)} must have at least {MinSecretLength} characters.", nameof(options));
        }

        _key = options.ContinuationSecret is { } secret ? SHA256.HashData(Encoding.UTF8.GetBytes(secret)) : RandomNumberGenerator.GetBytes(32);
    }

    /// <summary>Creates the token for the page that follows a contentId.</summary>
    internal string Write(string list, string after)
    {
        var id = Encoding.UTF8.GetBytes(after);
        return Base64Url.EncodeToString([.. Tag(list, id), .. id]);
    }

    /// <summary>Reads the contentId that the next page follows; false if the token is not valid for this list.</summary>
    internal bool TryRead(string list, string token, out string after)
    {
        after = "";
        if (token.Length > MaxCharacters || !Base64Url.IsValid(token)) return false;
        var bytes = Base64Url.DecodeFromChars(token);
        if (bytes.Length <= TagSize) return false;
        var id = bytes.AsSpan(TagSize);
        if (!CryptographicOperations.FixedTimeEquals(Tag(list, id), bytes.AsSpan(0, TagSize))) return false;
        after = Encoding.UTF8.GetString(id);
        return true;
    }

    private byte[] Tag(string list, ReadOnlySpan<byte> id)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        hmac.AppendData(SHA256.HashData(Encoding.UTF8.GetBytes(list)));
        hmac.AppendData(id);
        return hmac.GetHashAndReset()[..TagSize];
    }
}
