using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using ContentSync.Signing;

namespace ContentSync.AlipayHk;

/// <summary>
/// AlipayHK's public keys by keyVersion: the old and the new one side by side during a rotation. Imported once; thread-safe.
/// </summary>
public sealed class AlipayHkKeys : IDisposable
{
    private readonly (string KeyVersion, RSA Key)[] _keys;

    /// <exception cref="RsaKeyTextException">
    /// There is no key, one cannot be read, or two have the same keyVersion. The message names the setting.
    /// </exception>
    public AlipayHkKeys(AlipayHkOptions options)
    {
        if (options.PublicKeys.Count == 0)
        {
            throw new RsaKeyTextException(
                $"{Setting} is empty. It must hold at least one of AlipayHK's public keys: without one, no response can be verified.");
        }

        var keys = new List<(string KeyVersion, RSA Key)>(options.PublicKeys.Count);
        try
        {
            for (var i = 0; i < options.PublicKeys.Count; i++)
            {
                var (keyVersion, publicKey) = (options.PublicKeys[i].KeyVersion, options.PublicKeys[i].PublicKey);
                RequireKeyVersion(keyVersion, keys, $"{Setting}:{i}:{nameof(AlipayHkKeyOptions.KeyVersion)}");
                keys.Add((keyVersion, RsaKeyText.ImportPublic(publicKey, $"{Setting}:{i}:{nameof(AlipayHkKeyOptions.PublicKey)}")));
            }
        }
        catch
        {
            foreach (var (_, key) in keys) key.Dispose();
            throw;
        }

        _keys = [.. keys];
    }

    private static string Setting => $"{AlipayHkOptions.Section}:{nameof(AlipayHkOptions.PublicKeys)}";

    /// <summary>The configured key versions, for messages.</summary>
    public string KeyVersions => string.Join(", ", _keys.Select(key => key.KeyVersion));

    /// <summary>Finds the key of a version. Without a version, finds the only key; with several keys, any choice would be a guess.</summary>
    public bool TryFind(string? keyVersion, [NotNullWhen(true)] out RSA? key)
    {
        key = keyVersion is null && _keys.Length == 1 ? _keys[0].Key : null;
        foreach (var candidate in _keys)
        {
            if (candidate.KeyVersion == keyVersion) key = candidate.Key;
        }

        return key is not null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, key) in _keys) key.Dispose();
    }

    private static void RequireKeyVersion(string keyVersion, List<(string KeyVersion, RSA Key)> earlier, string setting)
    {
        if (!KeyVersionText.IsValid(keyVersion)) throw new RsaKeyTextException($"{setting} is not valid. {KeyVersionText.Rule}");
        if (earlier.Exists(key => key.KeyVersion == keyVersion))
        {
            throw new RsaKeyTextException($"{setting} repeats keyVersion {keyVersion}. Each of AlipayHK's keys needs its own version.");
        }
    }
}
