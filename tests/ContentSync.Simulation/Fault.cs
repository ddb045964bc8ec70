namespace ContentSync.Simulation;

/// <summary>What is made to go wrong.</summary>
internal enum Fault
{
    Crash,
    Restart,
    Shutdown,
    ClockJump,
    Duplicate,
    Reorder,
    Drop,
    Delay,
    LockLoss,
    CallerGone,
    SettlementLost,
    BrokerOutage,
    StoreConflict,
    StoreOutage,
    StoreAnswerLost,
    StoreSlow,
    VaultThrottle,
    VaultOutage,
    VaultDisabled,
    VaultSilent,
    PartnerThrottle,
    PartnerServerError,
    PartnerUnknownException,
    PartnerTimeoutBeforeEffect,
    PartnerTimeoutAfterEffect,
    PartnerLateEffect,
    PartnerReset,
    PartnerResetAfterEffect,
    PartnerTruncated,
    PartnerForged,
    PartnerUnsigned,
    PartnerUnsignedRejection,
    PartnerDark,
    PartnerConfigurationFault,
    CatalogCut,
    CatalogReplaced,
}

/// <summary>How often each fault was injected.</summary>
internal sealed class FaultCounts
{
    private readonly long[] _counts = new long[Enum.GetValues<Fault>().Length];

    public long this[Fault fault] => _counts[(int)fault];

    public void Add(Fault fault) => _counts[(int)fault]++;

    public void Add(FaultCounts other)
    {
        for (var i = 0; i < _counts.Length; i++) _counts[i] += other._counts[i];
    }
}
