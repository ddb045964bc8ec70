using ContentSync.Simulator;

namespace ContentSync.Local.Pipeline;

/// <summary>What the command line asks of the pipeline.</summary>
public sealed record LocalOptions
{
    /// <summary>Folder of ledger, keys and the simulated AlipayHK's content.</summary>
    public string Data { get; init; } = DataDirectory.DefaultName;

    /// <summary>Base address to send to; null for a simulated AlipayHK in this process.</summary>
    public Uri? Gateway { get; init; }

    /// <summary>Our Client-Id.</summary>
    public string ClientId { get; init; } = SimulatedClientId;

    /// <summary>Private key file to sign with; null for the development key of the data folder.</summary>
    public string? KeyFile { get; init; }

    /// <summary>keyVersion under which the gateway holds our public key.</summary>
    public string KeyVersion { get; init; } = "1";

    /// <summary>File with the gateway's public key; null for that of the simulated AlipayHK.</summary>
    public string? AlipayHkKeyFile { get; init; }

    /// <summary>keyVersion of the gateway's key.</summary>
    public string AlipayHkKeyVersion { get; init; } = "1";

    /// <summary>Folder with one JSON Schema per content type; null for none.</summary>
    public string? Schemas { get; init; }

    /// <summary>Contents in flight at the same time.</summary>
    public int Workers { get; init; } = 64;

    /// <summary>Catalog file that resyncs are started of; null for none.</summary>
    public string? Catalog { get; init; }

    /// <summary>Most sends per second, of single changes and bulk together; a fifth of it is left to single changes. Null for no limit.</summary>
    public double? Rate { get; init; }

    /// <summary>How the simulated AlipayHK misbehaves.</summary>
    public GatewayFaults Faults { get; init; } = GatewayFaults.None;

    /// <summary>Client-Id that the simulated AlipayHK knows.</summary>
    public const string SimulatedClientId = "4Q5Y8W0WSG45P907917";
}
