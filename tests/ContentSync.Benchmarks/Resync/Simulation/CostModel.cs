namespace ContentSync.Benchmarks.Resync.Simulation;

/// <summary>
/// Unit prices in US dollars: Azure's public list prices without free grants, discounts, or what costs the same whatever is sent
/// (the namespace's base charge with the 12.5 million operations in it, the NAT gateway's hours, the bytes that lie in the ledger).
/// Traffic to the internet is left out because the first 100 GB of a month are free and a million contents are some 2. They
/// differ by region and change: put in those of your own agreement.
/// </summary>
/// <remarks>
/// Each names the page of azure.microsoft.com/pricing/details that lists it. Those pages show prices only to a browser; beside
/// each stands whether another text was found that quotes it, and of when. Look them up before relying on them.
/// </remarks>
public sealed record UnitPrices
{
    /// <summary>"Key Vault pricing" (quoted, undated): one operation with a 2,048-bit RSA key, 0.03 per 10,000.</summary>
    public double Signature { get; init; } = 0.03 / 10_000;

    /// <summary>"Service Bus pricing" (quoted, undated): Standard, one operation beyond the base charge, 0.80 per million.</summary>
    public double BusOperation { get; init; } = 0.80 / 1_000_000;

    /// <summary>"Azure Functions pricing" (no quote found): Flex Consumption, on demand, one execution, 0.40 per million.</summary>
    public double Execution { get; init; } = 0.40 / 1_000_000;

    /// <summary>"Azure Functions pricing" (quoted, 22 May 2025): Flex Consumption, on demand, per GB and second in which an instance works.</summary>
    public double GigabyteSecond { get; init; } = 0.000026;

    /// <summary>"Azure Table Storage pricing" (no quote found): one transaction, locally redundant, 0.00036 per 10,000.</summary>
    public double TableTransaction { get; init; } = 0.00036 / 10_000;

    /// <summary>"Azure Monitor pricing" (2.76 quoted, undated): Log Analytics, pay as you go, one byte taken in; 2.30 to 3.34 per GB by region, the dearest here.</summary>
    public double TelemetryByte { get; init; } = 3.34 / 1_000_000_000;

    /// <summary>"Azure NAT Gateway pricing" (no quote found): one byte processed, either way, 0.045 per GB.</summary>
    public double GatewayByte { get; init; } = 0.045 / 1_000_000_000;
}

/// <summary>What one run did.</summary>
public sealed record RunOperations
{
    /// <summary>Table transactions per ledger call, at most: one to read and one to write.</summary>
    public const int TransactionsPerLedgerCall = 2;

    /// <summary>Contents that a listing of the ledger brings per transaction.</summary>
    private const int ContentsPerListing = 1_000;

    public long Signatures { get; init; }

    /// <summary>Packs; each is one message.</summary>
    public long Packs { get; init; }

    /// <summary>Contents that left their packs; each is one more message.</summary>
    public long Singles { get; init; }

    /// <summary>Accepting, leasing and recording, one each per content.</summary>
    public long LedgerCalls { get; init; }

    /// <summary>Contents listed for the plan.</summary>
    public long ContentsListed { get; init; }

    public long TelemetryBytes { get; init; }

    /// <summary>Bytes to AlipayHK and back. Those to Azure's own services are not in it: with private endpoints they do not pass the gateway.</summary>
    public long PartnerBytes { get; init; }

    /// <summary>Seconds in which one instance worked, planning and sending.</summary>
    public double InstanceSeconds { get; init; }

    /// <summary>Memory of the instance.</summary>
    public double InstanceGigabytes { get; init; } = 2;

    /// <summary>A message is sent, received and settled.</summary>
    public long BusOperations => 3 * (Packs + Singles);

    /// <summary>A message runs once.</summary>
    public long Executions => Packs + Singles;

    public long Settlements => Packs + Singles;

    public long TableTransactions => (LedgerCalls * TransactionsPerLedgerCall) + (ContentsListed / ContentsPerListing);

    /// <summary>In US dollars.</summary>
    public double Cost(UnitPrices prices) =>
        (Signatures * prices.Signature)
        + (BusOperations * prices.BusOperation)
        + (Executions * prices.Execution)
        + (InstanceSeconds * InstanceGigabytes * prices.GigabyteSecond)
        + (TableTransactions * prices.TableTransaction)
        + (TelemetryBytes * prices.TelemetryByte)
        + (PartnerBytes * prices.GatewayByte);

    /// <summary>
    /// A run over a catalog of which so many contents differ, from what was counted in a smaller one. Sending is paced by the
    /// vaults; several of them shorten it and cost nothing more.
    /// </summary>
    /// <param name="counted">Operations of a run in which every content was sent.</param>
    /// <param name="items">Contents of that run.</param>
    /// <param name="catalog">Contents of the catalog.</param>
    /// <param name="differing">Contents that differ.</param>
    /// <param name="sendsPerSecond">Pace of the sending.</param>
    /// <param name="planSecondsPerMillion">Pace of the planning.</param>
    public static RunOperations Of(RunOperations counted, long items, long catalog, long differing, double sendsPerSecond, double planSecondsPerMillion)
    {
        long Scaled(long count) => (long)Math.Ceiling((double)count / items * differing);
        return new RunOperations
        {
            Signatures = Scaled(counted.Signatures),
            Packs = Scaled(counted.Packs),
            Singles = Scaled(counted.Singles),
            LedgerCalls = Scaled(counted.LedgerCalls),
            PartnerBytes = Scaled(counted.PartnerBytes),
            ContentsListed = catalog,
            TelemetryBytes = Scaled(counted.TelemetryBytes),
            InstanceSeconds = (differing / sendsPerSecond) + (catalog / 1_000_000.0 * planSecondsPerMillion),
        };
    }
}
