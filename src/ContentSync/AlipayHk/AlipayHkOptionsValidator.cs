using System.Buffers;
using ContentSync.Signing;

namespace ContentSync.AlipayHk;

/// <summary>Validates settings section <c>AlipayHk</c>.</summary>
public static class AlipayHkOptionsValidator
{
    /// <summary>Lowest <see cref="AlipayHkOptions.MaxSendsPerSecond"/>.</summary>
    public const double LowestSendsPerSecond = 0.1;

    /// <summary>Highest <see cref="AlipayHkOptions.MaxSendsPerSecond"/>.</summary>
    public const double HighestSendsPerSecond = 100_000;

    private const int MaxImmediateRetries = 10;
    private const int MinResponseBytes = 1024;
    private const int MaxResponseBytes = 16 * 1024 * 1024;

    // RFC 3986 section 3.3: "pchar" without percent-encoding, and the slash.
    private static readonly SearchValues<char> PathCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/");

    // The resilience library accepts timeouts in this range only.
    private static readonly TimeSpan MinTimeout = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan MaxTimeout = TimeSpan.FromHours(24);

    // Request-Time and Response-Time have a resolution of one second.
    private static readonly TimeSpan MinResponseTimeTolerance = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxResponseTimeTolerance = TimeSpan.FromHours(24);

    /// <summary>All faults at once: one sentence each, with the setting's name and its valid values.</summary>
    public static IEnumerable<string> Faults(AlipayHkOptions options) =>
    [
        .. BaseAddressFaults(options.BaseAddress),
        .. IdentityFaults(options),
        .. LimitFaults(options),
        .. KeyFaults(options),
    ];

    private static IEnumerable<string> BaseAddressFaults(Uri? address)
    {
        var setting = Setting(nameof(AlipayHkOptions.BaseAddress));
        if (address is null || !address.IsAbsoluteUri)
        {
            yield return $"{setting} is missing or not absolute. Set it to the scheme and host that AlipayHK provided, such as https://host.example.";
            yield break;
        }

        var https = address.Scheme == Uri.UriSchemeHttps;
        if (!https && !(address.Scheme == Uri.UriSchemeHttp && address.IsLoopback))
        {
            yield return $"{setting} must begin with https://. Plain http:// is allowed for a loopback address only.";
        }

        if (address.UserInfo.Length > 0) yield return $"{setting} must not contain a user name or password.";
        if (address.AbsolutePath != "/" || address.Query.Length > 0 || address.Fragment.Length > 0)
        {
            yield return $"{setting} must end with the host or port. The path belongs in {Setting(nameof(AlipayHkOptions.Path))}.";
        }
    }

    private static IEnumerable<string> IdentityFaults(AlipayHkOptions options)
    {
        if (!IsPath(options.Path))
        {
            yield return $"{Setting(nameof(AlipayHkOptions.Path))} must begin with a single / and contain only letters, digits, "
                + "/ and -._~!$&'()*+,;=:@, without dot segments: it is signed exactly as it is called, "
                + "and other characters are percent-encoded when it is called.";
        }

        if (options.ClientId.Length == 0 || options.ClientId.Any(character => character is <= ' ' or > '~'))
        {
            yield return $"{Setting(nameof(AlipayHkOptions.ClientId))} must be the Client-Id that AlipayHK provided: "
                + "printable ASCII, not empty, without spaces or line breaks.";
        }
    }

    private static bool IsPath(string path) =>
        path.StartsWith('/')
        && !path.StartsWith("//", StringComparison.Ordinal)
        && !path.AsSpan().ContainsAnyExcept(PathCharacters)
        && !path.Split('/').Any(segment => segment is "." or "..");

    private static IEnumerable<string> LimitFaults(AlipayHkOptions options)
    {
        if (!IsTimeout(options.RequestTimeout)) yield return $"{Setting(nameof(AlipayHkOptions.RequestTimeout))} must be from 10 ms to 24 h.";
        if (!IsTimeout(options.TotalTimeout)) yield return $"{Setting(nameof(AlipayHkOptions.TotalTimeout))} must be from 10 ms to 24 h.";
        if (options.RequestTimeout > options.TotalTimeout)
        {
            var totalTimeout = Setting(nameof(AlipayHkOptions.TotalTimeout));
            yield return $"{Setting(nameof(AlipayHkOptions.RequestTimeout))} must not be longer than {totalTimeout}.";
        }

        if (options.ImmediateRetries is < 0 or > MaxImmediateRetries)
        {
            yield return $"{Setting(nameof(AlipayHkOptions.ImmediateRetries))} must be from 0 to {MaxImmediateRetries}.";
        }

        if (options.MaxSendsPerSecond is { } rate && !(rate is >= LowestSendsPerSecond and <= HighestSendsPerSecond))
        {
            yield return $"{Setting(nameof(AlipayHkOptions.MaxSendsPerSecond))} must be from {LowestSendsPerSecond} to {HighestSendsPerSecond}, "
                + "or omitted for no limit.";
        }

        if (options.ResponseTimeTolerance < MinResponseTimeTolerance || options.ResponseTimeTolerance > MaxResponseTimeTolerance)
        {
            yield return $"{Setting(nameof(AlipayHkOptions.ResponseTimeTolerance))} must be from 1 s to 24 h.";
        }

        if (options.MaxResponseBytes is < MinResponseBytes or > MaxResponseBytes)
        {
            yield return $"{Setting(nameof(AlipayHkOptions.MaxResponseBytes))} must be from {MinResponseBytes} to {MaxResponseBytes}.";
        }
    }

    private static IEnumerable<string> KeyFaults(AlipayHkOptions options)
    {
        var encryption = options.Encryption;
        var section = Setting(nameof(AlipayHkOptions.Encryption));
        if (encryption.Enabled && encryption.AesKeyBits is not (128 or 192 or 256))
        {
            yield return $"{section}:{nameof(EncryptionOptions.AesKeyBits)} must be 128, 192 or 256.";
        }

        if (encryption.Enabled && (encryption.ContentType.Length == 0 || encryption.ContentType.Any(char.IsControl)))
        {
            yield return $"{section}:{nameof(EncryptionOptions.ContentType)} must be a media type such as text/plain; charset=UTF-8.";
        }

        var (keys, fault) = Load(options);
        using (keys)
        {
            if (fault is not null) yield return fault;
            if (keys is not null && encryption.Enabled && !keys.TryFind(encryption.KeyVersion, out _))
            {
                yield return $"{section}:{nameof(EncryptionOptions.KeyVersion)} must be the keyVersion of one of AlipayHK's public keys "
                    + $"(configured: {keys.KeyVersions}).";
            }
        }
    }

    private static (AlipayHkKeys? Keys, string? Fault) Load(AlipayHkOptions options)
    {
        try
        {
            return (new AlipayHkKeys(options), null);
        }
        catch (RsaKeyTextException e)
        {
            return (null, e.Message);
        }
    }

    private static bool IsTimeout(TimeSpan time) => time >= MinTimeout && time <= MaxTimeout;

    private static string Setting(string property) => $"{AlipayHkOptions.Section}:{property}";
}
