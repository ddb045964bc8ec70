using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using ContentSync.Signing;

namespace ContentSync.AlipayHk;

/// <summary>
/// AlipayHK's public keys by keyVersion, old and new side by side while it rotates. Imported once; safe for any number of
/// threads.
/// </summary>
public sealed class AlipayHkKeys : IDisposable
{
    private readonly (string KeyVersion, RSA Key)[] _keys;

    /// <exception cref="RsaKeyTextException">There is no key, one cannot be read, or two have the same keyVersion. The message names the setting.</exception>
    public AlipayHkKeys(AlipayHkOptions options)
    {
        if (options.PublicKeys.Count == 0) throw new RsaKeyTextException($"{Setting} is empty. It must hold at least one of AlipayHK's public keys: no answer can be trusted without one.");
        var keys = new List<(string KeyVersion, RSA Key)>(options.PublicKeys.Count);
        try
        {
            for (var i = 0; i < options.PublicKeys.Count; i++)
            {
                var partner = options.PublicKeys[i];
                RequireKeyVersion(partner.KeyVersion, keys, $"{Setting}:{i}:{nameof(AlipayHkKeyOptions.KeyVersion)}");
                keys.Add((partner.KeyVersion, RsaKeyText.ImportPublic(partner.PublicKey, $"{Setting}:{i}:{nameof(AlipayHkKeyOptions.PublicKey)}")));
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

    /// <summary>The configured versions, for messages.</summary>
    public string KeyVersions => string.Join(", ", _keys.Select(key => key.KeyVersion));

    /// <summary>The key of this version. Where no version is named, the key if there is just one: with several, any choice would be a guess.</summary>
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
        if (!KeyVersionText.IsValid(keyVersion)) throw new RsaKeyTextException($"{setting} is not usable. {KeyVersionText.Rule}");
        if (earlier.Exists(key => key.KeyVersion == keyVersion)) throw new RsaKeyTextException($"{setting} repeats keyVersion {keyVersion}. Each of AlipayHK's keys needs a version of its own.");
    }
}
