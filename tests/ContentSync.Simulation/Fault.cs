namespace ContentSync.Simulation;

/// <summary>Kinds of injected faults.</summary>
internal enum Fault
{
    Crash,
    Restart,
    Shutdown,
    ClockJump,
    Freeze,
    Duplicate,
    Reorder,
    Drop,
    Delay,
    LockLoss,
    CallerDisconnected,
    SettlementLost,
    BrokerOutage,
    StoreConflict,
    StoreOutage,
    StoreResponseLost,
    StoreSlow,
    StoreBusy,
    StoreTransactionBusy,
    StoreRepeated,
    StoreLate,
    StoreTableMissing,
    ContinuationLate,
    DiskFull,
    LossInCommit,
    LossAtRun,
    PowerLoss,
    SendStoreOutage,
    SendStoreRequestLost,
    SendStoreResponseLost,
    SendStoreLate,
    VaultThrottle,
    VaultOutage,
    VaultDisabled,
    VaultUnresponsive,
    AlipayHkThrottle,
    AlipayHkServerError,
    AlipayHkUnknownException,
    AlipayHkTimeoutBeforeEffect,
    AlipayHkTimeoutAfterEffect,
    AlipayHkLateEffect,
    AlipayHkReset,
    AlipayHkResetAfterEffect,
    AlipayHkTruncated,
    AlipayHkForged,
    AlipayHkUnsigned,
    AlipayHkUnsignedRejection,
    AlipayHkOutage,
    AlipayHkConfigurationFault,
    AlipayHkClockFault,
    AlipayHkStaleRequest,
    CatalogDamaged,
    CatalogReplaced,
    PlanFileLost,
    FileUndone,
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
