// Stands for Azure.Security.KeyVault.Keys 4.7.0, as far as the host uses it. Signatures are the real ones.
using Azure.Core;
using Azure.Messaging.ServiceBus;
using Azure.Security.KeyVault.Keys.Cryptography;

namespace Azure.Security.KeyVault.Keys
{
    /// <summary><c>public readonly struct KeyVaultKeyIdentifier</c></summary>
    public readonly struct KeyVaultKeyIdentifier
    {
        private KeyVaultKeyIdentifier(Uri sourceId, string name, string? version)
        {
            SourceId = sourceId;
            VaultUri = new Uri(sourceId.GetLeftPart(UriPartial.Authority) + "/");
            Name = name;
            Version = version;
        }

        /// <summary><c>Uri SourceId { get; }</c></summary>
        public Uri SourceId { get; }

        /// <summary><c>Uri VaultUri { get; }</c></summary>
        public Uri VaultUri { get; }

        /// <summary><c>string Name { get; }</c></summary>
        public string Name { get; }

        /// <summary><c>string Version { get; }</c>; null where the id names none.</summary>
        public string? Version { get; }

        /// <summary><c>static bool TryCreate(Uri id, out KeyVaultKeyIdentifier identifier)</c></summary>
        public static bool TryCreate(Uri id, out KeyVaultKeyIdentifier identifier)
        {
            identifier = default;
            if (!id.IsAbsoluteUri || id.Segments.Length is not (3 or 4) || id.Segments[1] != "keys/") return false;
            identifier = new KeyVaultKeyIdentifier(id, id.Segments[2].Trim('/'), id.Segments.Length == 4 ? id.Segments[3].TrimEnd('/') : null);
            return true;
        }
    }

    /// <summary><c>public static class CryptographyModelFactory</c></summary>
    public static class CryptographyModelFactory
    {
        /// <summary><c>static SignResult SignResult(string keyId = default, byte[] signature = default, SignatureAlgorithm algorithm = default)</c></summary>
        public static SignResult SignResult(string? keyId = default, byte[]? signature = default, SignatureAlgorithm algorithm = default) =>
            new(keyId ?? "", signature ?? [], algorithm);
    }
}

namespace Azure.Security.KeyVault.Keys.Cryptography
{
    /// <summary><c>public class CryptographyClient : IKeyEncryptionKey</c>. The real constructor calls no service either.</summary>
    public class CryptographyClient
    {
        protected CryptographyClient()
        {
        }

        /// <summary><c>CryptographyClient(Uri keyId, TokenCredential credential, CryptographyClientOptions options)</c></summary>
        public CryptographyClient(Uri keyId, TokenCredential credential, CryptographyClientOptions options)
        {
            ArgumentNullException.ThrowIfNull(credential);
            KeyId = keyId.AbsoluteUri;
            Options = options;
        }

        /// <summary><c>virtual string KeyId { get; }</c></summary>
        public virtual string KeyId { get; } = "";

        /// <summary>Of this double only: what the host configured.</summary>
        internal CryptographyClientOptions? Options { get; }

        /// <summary><c>virtual Task&lt;SignResult&gt; SignAsync(SignatureAlgorithm algorithm, byte[] digest, CancellationToken cancellationToken = default)</c></summary>
        public virtual Task<SignResult> SignAsync(SignatureAlgorithm algorithm, byte[] digest, CancellationToken cancellationToken = default) => throw NoService.Here();
    }

    /// <summary><c>public class CryptographyClientOptions : ClientOptions</c>; the base class, from Azure.Core, is the real one. Real constructor: <c>CryptographyClientOptions(ServiceVersion version = ServiceVersion.V7_6)</c>.</summary>
    public class CryptographyClientOptions : ClientOptions;

    /// <summary><c>public class SignResult</c></summary>
    public class SignResult
    {
        internal SignResult(string keyId, byte[] signature, SignatureAlgorithm algorithm)
        {
            KeyId = keyId;
            Signature = signature;
            Algorithm = algorithm;
        }

        /// <summary><c>string KeyId { get; }</c></summary>
        public string KeyId { get; }

        /// <summary><c>byte[] Signature { get; }</c></summary>
        public byte[] Signature { get; }

        /// <summary><c>SignatureAlgorithm Algorithm { get; }</c></summary>
        public SignatureAlgorithm Algorithm { get; }
    }

    /// <summary><c>public readonly struct SignatureAlgorithm : IEquatable&lt;SignatureAlgorithm&gt;</c></summary>
    public readonly struct SignatureAlgorithm(string value) : IEquatable<SignatureAlgorithm>
    {
        private readonly string _value = value;

        /// <summary><c>static SignatureAlgorithm RS256 { get; }</c></summary>
        public static SignatureAlgorithm RS256 { get; } = new("RS256");

        public static bool operator ==(SignatureAlgorithm left, SignatureAlgorithm right) => left.Equals(right);

        public static bool operator !=(SignatureAlgorithm left, SignatureAlgorithm right) => !left.Equals(right);

        public override bool Equals(object? obj) => obj is SignatureAlgorithm other && Equals(other);

        public bool Equals(SignatureAlgorithm other) => _value == other._value;

        public override int GetHashCode() => _value?.GetHashCode(StringComparison.Ordinal) ?? 0;

        public override string ToString() => _value;
    }
}
