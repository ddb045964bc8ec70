using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace ContentSync.Http;

/// <summary>
/// Where the next page of a list begins, as text that a caller hands back. Authenticated together with the list's filters, so that
/// a changed one, or one of another list, is noticed instead of answered with the wrong page. Thread-safe.
/// </summary>
public sealed class ContinuationTokens
{
    private const int TagSize = 16;
    private const int MostCharacters = 1_024;
    private const int LeastSecret = 16;

    private readonly byte[] _key;

    /// <exception cref="ArgumentException">The secret is too short.</exception>
    public ContinuationTokens(ApiOptions options)
    {
        if (options.ContinuationSecret is { Length: < LeastSecret })
            throw new ArgumentException($"{ApiOptions.Section}:{nameof(ApiOptions.ContinuationSecret)} has fewer than {LeastSecret} characters.", nameof(options));
        _key = options.ContinuationSecret is { } secret ? SHA256.HashData(Encoding.UTF8.GetBytes(secret)) : RandomNumberGenerator.GetBytes(32);
    }

    /// <summary>The token for the page after this contentId.</summary>
    internal string Write(string list, string after)
    {
        var id = Encoding.UTF8.GetBytes(after);
        return Base64Url.EncodeToString([.. Tag(list, id), .. id]);
    }

    /// <summary>The contentId that a token of this list goes on after.</summary>
    internal bool TryRead(string list, string token, out string after)
    {
        after = "";
        if (token.Length > MostCharacters || !Base64Url.IsValid(token)) return false;
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
