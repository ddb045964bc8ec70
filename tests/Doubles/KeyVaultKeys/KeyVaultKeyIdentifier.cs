// A double for the parts of Azure.Security.KeyVault.Keys 4.7.0 that the host uses. Each member cites its real signature.
namespace Azure.Security.KeyVault.Keys;

/// <summary>4.7.0: <c>public readonly struct KeyVaultKeyIdentifier : IEquatable&lt;KeyVaultKeyIdentifier&gt;</c></summary>
public readonly struct KeyVaultKeyIdentifier : IEquatable<KeyVaultKeyIdentifier>
{
    private KeyVaultKeyIdentifier(Uri sourceId, string? version) => (SourceId, Version) = (sourceId, version);

    /// <summary>4.7.0: <c>Uri SourceId { get; }</c></summary>
    public Uri SourceId { get; }

    /// <summary>4.7.0: <c>string Version { get; }</c>; null if the id has none.</summary>
    public string? Version { get; }

    /// <summary>
    /// 4.7.0: <c>static bool TryCreate(Uri id, out KeyVaultKeyIdentifier identifier)</c>. It accepts any collection, not only keys, and any host.
    /// </summary>
    public static bool TryCreate(Uri id, out KeyVaultKeyIdentifier identifier)
    {
        var isOne = id is { IsAbsoluteUri: true, Segments.Length: 3 or 4 };
        identifier = isOne ? new KeyVaultKeyIdentifier(id, id.Segments.Length == 4 ? id.Segments[3].TrimEnd('/') : null) : default;
        return isOne;
    }

    /// <summary>4.7.0: <c>override bool Equals(object obj)</c></summary>
    public override bool Equals(object? obj) => obj is KeyVaultKeyIdentifier other && Equals(other);

    /// <summary>4.7.0: <c>bool Equals(KeyVaultKeyIdentifier other)</c></summary>
    public bool Equals(KeyVaultKeyIdentifier other) => SourceId == other.SourceId;

    /// <summary>4.7.0: <c>override int GetHashCode()</c></summary>
    public override int GetHashCode() => SourceId?.GetHashCode() ?? 0;
}
