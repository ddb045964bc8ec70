using ContentSync.Budget;

namespace ContentSync.Benchmarks.Resync.Simulation;

/// <summary>
/// Unit prices in US dollars: Azure's public list prices, without free grants, discounts and fixed costs (the namespace's base charge,
/// which includes 12.5 million operations, the NAT gateway's hours, the storage of the ledger). Traffic to the internet is excluded: the
/// first 100 GB of a month are free, and a million items need about 2 GB. Prices differ by region and change; use those of your own
/// agreement.
/// </summary>
/// <remarks>
/// Each price names the page of azure.microsoft.com/pricing/details that lists it. Those pages show prices only in a browser, so each
/// also says whether another text was found that quotes it, and its date. Check the prices before relying on them.
/// </remarks>
public sealed record UnitPrices
{
    /// <summary>"Key Vault pricing" (quoted, undated): one operation with a 2,048-bit RSA key, 0.03 per 10,000.</summary>
    public double Signature { get; init; } = 0.03 / 10_000;

    /// <summary>"Service Bus pricing" (quoted, undated): Standard, one operation beyond the base charge, 0.80 per million.</summary>
    public double BusOperation { get; init; } = 0.80 / 1_000_000;

    /// <summary>"Azure Functions pricing" (no quote found): Flex Consumption, on demand, one execution, 0.40 per million.</summary>
    public double Execution { get; init; } = 0.40 / 1_000_000;

    /// <summary>
    /// "Azure Functions pricing" (quoted, 22 May 2025): Flex Consumption, on demand, per GB and second of an instance that works.
    /// </summary>
    public double GigabyteSecond { get; init; } = 0.000026;

    /// <summary>"Azure Table Storage pricing" (no quote found): one transaction, locally redundant, 0.00036 per 10,000.</summary>
    public double TableTransaction { get; init; } = 0.00036 / 10_000;

    /// <summary>
    /// "Azure Monitor pricing" (2.76 quoted, undated): Log Analytics, pay as you go, one ingested byte; 2.30 to 3.34 per GB depending on
    /// the region, of which this is the highest.
    /// </summary>
    public double TelemetryByte { get; init; } = 3.34 / 1_000_000_000;

    /// <summary>"Azure NAT Gateway pricing" (no quote found): one byte processed, in either direction, 0.045 per GB.</summary>
    public double GatewayByte { get; init; } = 0.045 / 1_000_000_000;
}

/// <summary>The operations of one run.</summary>
public sealed record RunOperations
{
    /// <summary>Maximum table transactions per ledger call: one read and one write.</summary>
    public const int TransactionsPerLedgerCall = 2;

    /// <summary>Processes that send at the same time.</summary>
    private const int Senders = 4;

    /// <summary>One read and one write.</summary>
    private const int CallsPerRenewal = 2;

    /// <summary>Items that a ledger scan returns per transaction.</summary>
    private const int ItemsPerScanTransaction = 1_000;

    public long Signatures { get; init; }

    /// <summary>Number of packs; each is one message.</summary>
    public long Packs { get; init; }

    /// <summary>Items that left their packs; each is one more message.</summary>
    public long Singles { get; init; }

    /// <summary>Accepting, leasing and recording: one call each per item.</summary>
    public long LedgerCalls { get; init; }

    /// <summary>Items scanned in the ledger for the plan.</summary>
    public long ItemsScanned { get; init; }

    /// <summary>
    /// Calls of the store of the send budget, a transaction each: every process that sends reads and writes it with each renewal of its lease.
    /// </summary>
    public long BudgetCalls { get; init; }

    public long TelemetryBytes { get; init; }

    /// <summary>
    /// Bytes to and from AlipayHK. Traffic to Azure's own services is excluded: with private endpoints it does not pass the NAT gateway.
    /// </summary>
    public long AlipayHkBytes { get; init; }

    /// <summary>Seconds during which one instance worked, for planning and sending.</summary>
    public double InstanceSeconds { get; init; }

    /// <summary>Memory size of the instance.</summary>
    public double InstanceGigabytes { get; init; } = 2;

    /// <summary>Each message is sent, received and settled.</summary>
    public long BusOperations => 3 * (Packs + Singles);

    /// <summary>One per message.</summary>
    public long Executions => Packs + Singles;

    public long Settlements => Packs + Singles;

    public long TableTransactions => (LedgerCalls * TransactionsPerLedgerCall) + (ItemsScanned / ItemsPerScanTransaction) + BudgetCalls;

    /// <summary>The cost in US dollars.</summary>
    public double Cost(UnitPrices prices) =>
        (Signatures * prices.Signature)
        + (BusOperations * prices.BusOperation)
        + (Executions * prices.Execution)
        + (InstanceSeconds * InstanceGigabytes * prices.GigabyteSecond)
        + (TableTransactions * prices.TableTransaction)
        + (TelemetryBytes * prices.TelemetryByte)
        + (AlipayHkBytes * prices.GatewayByte);

    /// <summary>
    /// Scales the operations of a smaller run to a catalog of which <paramref name="differing"/> items differ. The vaults limit the rate;
    /// more vaults shorten the run and cost nothing more.
    /// </summary>
    /// <param name="counted">Operations of a run in which every item was sent.</param>
    /// <param name="items">Items of that run.</param>
    /// <param name="catalog">Items of the catalog.</param>
    /// <param name="differing">Items that differ.</param>
    /// <param name="sendsPerSecond">Rate of the sending.</param>
    /// <param name="planSecondsPerMillion">Time to plan a million items.</param>
    public static RunOperations Of(
        RunOperations counted, long items, long catalog, long differing, double sendsPerSecond, double planSecondsPerMillion)
    {
        long Scaled(long count) => (long)Math.Ceiling((double)count / items * differing);
        return new RunOperations
        {
            Signatures = Scaled(counted.Signatures),
            Packs = Scaled(counted.Packs),
            Singles = Scaled(counted.Singles),
            LedgerCalls = Scaled(counted.LedgerCalls),
            AlipayHkBytes = Scaled(counted.AlipayHkBytes),
            ItemsScanned = catalog,
            BudgetCalls = (long)Math.Ceiling(Senders * CallsPerRenewal * (differing / sendsPerSecond / SendBudget.RenewalInterval.TotalSeconds)),
            TelemetryBytes = Scaled(counted.TelemetryBytes),
            InstanceSeconds = (differing / sendsPerSecond) + (catalog / 1_000_000.0 * planSecondsPerMillion),
        };
    }
}
