namespace ContentSync.Signing;

/// <summary>The keys in Key Vault that sign: settings section <c>Signing</c>.</summary>
public sealed class SigningOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Signing";

    /// <summary>Max number of <see cref="Keys"/>.</summary>
    public const int MaxKeys = 5;

    /// <summary>
    /// One to <see cref="MaxKeys"/> keys, used in turn: the same key material in several vaults, for more signatures per second than
    /// one vault allows, or several keys that AlipayHK knows.
    /// </summary>
    public IList<SigningKeyOptions> Keys { get; init; } = [];

    /// <summary>
    /// Timeout of a call to a vault, the access token included, before another vault is called; also the max wait for a turn. Calls to a
    /// key get twice as long until the first one succeeds. Key Vault's client would wait 100 seconds, longer than a message's lock.
    /// </summary>
    public TimeSpan NetworkTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Max signatures per second and vault that this process requests. A vault allows 4,000 RSA-2048 signatures per 10 seconds, and
    /// throttled calls count too, so stay below that.
    /// </summary>
    public int SignaturesPerSecond { get; set; } = 360;
}

/// <summary>One key. Its id and AlipayHK's keyVersion for it always change together.</summary>
public sealed class SigningKeyOptions
{
    /// <summary>
    /// Key id with version: <c>https://VAULT.vault.azure.net/keys/NAME/VERSION</c>. Without a version, a rotation in the vault would
    /// change the key without AlipayHK knowing.
    /// </summary>
    public string KeyId { get; set; } = "";

    /// <summary>AlipayHK's keyVersion for the public key.</summary>
    public string KeyVersion { get; set; } = "";
}
