namespace ContentSync.Signing;

/// <summary>Which keys in Key Vault sign. Section <c>Signing</c> of the settings.</summary>
public sealed class SigningOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Signing";

    /// <summary>Most entries of <see cref="Keys"/>.</summary>
    public const int MaxKeys = 5;

    /// <summary>One to <see cref="MaxKeys"/> keys, used in turn: the same key material in several vaults, for more signatures per second than one vault gives, or several keys that AlipayHK all knows.</summary>
    public IList<SigningKeyOptions> Keys { get; init; } = [];

    /// <summary>Longest wait for a vault's answer, the access token included, before another vault is asked; and longest wait for a turn at one. Key Vault's client would wait 100 seconds, longer than a message's lock.</summary>
    public TimeSpan NetworkTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Most signatures per second and vault that this process asks for. A vault gives 4,000 RSA-2048 signatures per 10 seconds, and
    /// throttled ones count too, so it pays to stay below.
    /// </summary>
    public int SignaturesPerSecond { get; set; } = 360;
}

/// <summary>One key. Its id and AlipayHK's number for it change together, hence one pair.</summary>
public sealed class SigningKeyOptions
{
    /// <summary>Key id with version: <c>https://VAULT.vault.azure.net/keys/NAME/VERSION</c>. Without version, a rotation in the vault would change the key behind AlipayHK's back.</summary>
    public string KeyId { get; set; } = "";

    /// <summary>The keyVersion under which AlipayHK holds the public half.</summary>
    public string KeyVersion { get; set; } = "";
}
