using ContentSync.Signing;
using Microsoft.Extensions.Options;

namespace ContentSync.AlipayHk;

/// <summary>Checks the settings of section AlipayHk before anything is sent. Reports every fault at once, each with the setting's name and what would be right.</summary>
public sealed class AlipayHkOptionsValidator : IValidateOptions<AlipayHkOptions>
{
    private const int MostQuickRetries = 10;
    private const double SlowestSends = 0.1;
    private const double FastestSends = 100_000;
    private const int FewestResponseBytes = 1024;
    private const int MostResponseBytes = 16 * 1024 * 1024;

    // What the time limits of the resilience library can hold.
    private static readonly TimeSpan ShortestTimeout = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromHours(24);

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, AlipayHkOptions options)
    {
        var faults = new List<string>();
        faults.AddRange(BaseAddressFaults(options.BaseAddress));
        faults.AddRange(IdentityFaults(options));
        faults.AddRange(LimitFaults(options));
        faults.AddRange(KeyFaults(options));
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    private static IEnumerable<string> BaseAddressFaults(Uri? address)
    {
        var setting = Setting(nameof(AlipayHkOptions.BaseAddress));
        if (address is null || !address.IsAbsoluteUri)
        {
            yield return $"{setting} is missing or not absolute. It must be scheme and host as AlipayHK handed them over, such as https://host.example.";
            yield break;
        }

        var https = address.Scheme == Uri.UriSchemeHttps;
        if (!https && !(address.Scheme == Uri.UriSchemeHttp && address.IsLoopback)) yield return $"{setting} must begin with https://. Plain http:// is allowed for a loopback address only.";
        if (address.UserInfo.Length > 0) yield return $"{setting} must not hold a user name or password.";
        if (address.AbsolutePath != "/" || address.Query.Length > 0 || address.Fragment.Length > 0) yield return $"{setting} must end with the host or port. The path belongs in {Setting(nameof(AlipayHkOptions.Path))}.";
    }

    private static IEnumerable<string> IdentityFaults(AlipayHkOptions options)
    {
        if (!IsPath(options.Path)) yield return $"{Setting(nameof(AlipayHkOptions.Path))} must begin with a single / and hold printable ASCII without blank, ?, #, % or dot segments: it is signed exactly as it is called.";
        if (options.ClientId.Length == 0 || options.ClientId.Any(character => character is <= ' ' or > '~')) yield return $"{Setting(nameof(AlipayHkOptions.ClientId))} must be the Client-Id AlipayHK handed over: printable ASCII, not empty, without blanks or line breaks.";
    }

    private static bool IsPath(string path) =>
        path.StartsWith('/') && !path.StartsWith("//", StringComparison.Ordinal) && !path.Any(character => character is <= ' ' or > '~' or '?' or '#' or '%' or '\\')
        && !path.Split('/').Any(segment => segment is "." or "..");

    private static IEnumerable<string> LimitFaults(AlipayHkOptions options)
    {
        if (!IsTimeout(options.RequestTimeout)) yield return $"{Setting(nameof(AlipayHkOptions.RequestTimeout))} must be from 10 ms to 24 h.";
        if (!IsTimeout(options.TotalTimeout)) yield return $"{Setting(nameof(AlipayHkOptions.TotalTimeout))} must be from 10 ms to 24 h.";
        if (options.RequestTimeout > options.TotalTimeout) yield return $"{Setting(nameof(AlipayHkOptions.RequestTimeout))} must not be longer than {Setting(nameof(AlipayHkOptions.TotalTimeout))}.";
        if (options.ImmediateRetries is < 0 or > MostQuickRetries) yield return $"{Setting(nameof(AlipayHkOptions.ImmediateRetries))} must be from 0 to {MostQuickRetries}.";
        if (options.MaxSendsPerSecond is { } rate && !(rate is >= SlowestSends and <= FastestSends)) yield return $"{Setting(nameof(AlipayHkOptions.MaxSendsPerSecond))} must be from {SlowestSends} to {FastestSends}, or left out for no limit.";
        if (options.MaxResponseBytes is < FewestResponseBytes or > MostResponseBytes) yield return $"{Setting(nameof(AlipayHkOptions.MaxResponseBytes))} must be from {FewestResponseBytes} to {MostResponseBytes}.";
    }

    private static IEnumerable<string> KeyFaults(AlipayHkOptions options)
    {
        var encryption = options.Encryption;
        var section = Setting(nameof(AlipayHkOptions.Encryption));
        if (encryption.Enabled && encryption.AesKeyBits is not (128 or 192 or 256)) yield return $"{section}:{nameof(EncryptionOptions.AesKeyBits)} must be 128, 192 or 256.";
        if (encryption.Enabled && (encryption.ContentType.Length == 0 || encryption.ContentType.Any(char.IsControl))) yield return $"{section}:{nameof(EncryptionOptions.ContentType)} must be a media type such as text/plain; charset=UTF-8.";

        var (keys, fault) = Load(options);
        using (keys)
        {
            if (fault is not null) yield return fault;
            if (keys is not null && encryption.Enabled && !keys.TryFind(encryption.KeyVersion, out _)) yield return $"{section}:{nameof(EncryptionOptions.KeyVersion)} must be the keyVersion of one of the partner keys (configured: {keys.KeyVersions}).";
        }
    }

    private static (AlipayHkKeys? Keys, string? Fault) Load(AlipayHkOptions options)
    {
        try
        {
            return (new AlipayHkKeys(options), null);
        }
        catch (RsaKeyTextException unusable)
        {
            return (null, unusable.Message);
        }
    }

    private static bool IsTimeout(TimeSpan time) => time >= ShortestTimeout && time <= LongestTimeout;

    private static string Setting(string property) => $"{AlipayHkOptions.Section}:{property}";
}
