using Azure.Core;

namespace Azure.Security.KeyVault.Keys.Cryptography;

/// <summary>4.7.0: <c>public class CryptographyClientOptions : ClientOptions</c>; the base class is the real one from Azure.Core.</summary>
public class CryptographyClientOptions : ClientOptions
{
    /// <summary>4.7.0: <c>enum ServiceVersion</c>, its newest member.</summary>
    public enum ServiceVersion
    {
        /// <summary>4.7.0: <c>V7_5 = 5</c></summary>
        V7_5 = 5,
    }

    /// <summary>4.7.0: <c>CryptographyClientOptions(ServiceVersion version = ServiceVersion.V7_5)</c></summary>
    public CryptographyClientOptions(ServiceVersion version = ServiceVersion.V7_5) => Version = version;

    /// <summary>4.7.0: <c>ServiceVersion Version { get; }</c></summary>
    public ServiceVersion Version { get; }
}
