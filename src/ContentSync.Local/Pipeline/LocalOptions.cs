using ContentSync.Content;
using ContentSync.Http.Webhooks;
using ContentSync.Mapping;
using ContentSync.Notifications;
using ContentSync.Simulator;

namespace ContentSync.Local.Pipeline;

/// <summary>Settings of the pipeline, as given on the command line.</summary>
public sealed record LocalOptions
{
    /// <summary>Folder with the ledger, the keys and the simulated AlipayHK's items.</summary>
    public string Data { get; init; } = DataDirectory.DefaultName;

    /// <summary>Base address to send to; null starts a simulated AlipayHK in this process.</summary>
    public Uri? Gateway { get; init; }

    /// <summary>Client-Id that AlipayHK assigned.</summary>
    public string ClientId { get; init; } = SimulatedClientId;

    /// <summary>Private key file to sign with; null uses the development key of the data folder.</summary>
    public string? KeyFile { get; init; }

    /// <summary>keyVersion under which AlipayHK registered our public key.</summary>
    public string KeyVersion { get; init; } = "1";

    /// <summary>AlipayHK's public keys, one or more: during a rotation the old and the new one.</summary>
    public IReadOnlyList<AlipayHkKeyFile> AlipayHkKeys { get; init; } = [new AlipayHkKeyFile(null, "1")];

    /// <summary>Content types and limits of items. Must not change afterwards.</summary>
    public ContentOptions Content { get; init; } = new();

    /// <summary>Max items in flight at the same time.</summary>
    public int Workers { get; init; } = 64;

    /// <summary>Catalog file for resyncs; null for none.</summary>
    public string? Catalog { get; init; }

    /// <summary>Makes items of the catalog's records; null if it is in our own form.</summary>
    public CatalogMapping? CatalogMapping { get; init; }

    /// <summary>Folder of the mappings that requests and webhooks may name; null for none.</summary>
    public string? Mappings { get; init; }

    /// <summary>
    /// Max requests per second, single changes and resyncs together; resyncs leave a fifth of them to single changes. Null for no limit.
    /// </summary>
    public double? Rate { get; init; }

    /// <summary>
    /// How long AlipayHK may still process a request that timed out; null for 25 s, or for the bound of the simulated AlipayHK if it is used.
    /// </summary>
    public TimeSpan? LateEffectWindow { get; init; }

    /// <summary>The senders of webhooks; without any, the webhook is disabled.</summary>
    public WebhookOptions Webhook { get; init; } = new();

    /// <summary>The receivers of notifications.</summary>
    public NotificationOptions Notifications { get; init; } = new();

    /// <summary>Faults of the simulated AlipayHK.</summary>
    public GatewayFaults Faults { get; init; } = GatewayFaults.None;

    /// <summary>Client-Id that the simulated AlipayHK accepts.</summary>
    public const string SimulatedClientId = "4Q5Y8W0WSG45P907917";
}

/// <summary>One of AlipayHK's public keys.</summary>
/// <param name="File">File with the key; null uses that of the simulated AlipayHK.</param>
/// <param name="KeyVersion">Its keyVersion.</param>
public sealed record AlipayHkKeyFile(string? File, string KeyVersion);
