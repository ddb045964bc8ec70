using ContentSync.Budget;
using ContentSync.Ledger;

namespace ContentSync.Simulation;

/// <summary>Everything outside the app, and the machines that run the app.</summary>
internal sealed class World
{
    private const int MaxCallerRetries = 6;

    private readonly Machine[] _machines;
    private bool _isStartingFinalRun;
    private int _finalRuns;

    public World(Plan plan, SimulatedKeys keys, bool isTraced)
    {
        Plan = plan;
        Keys = keys;
        Random = new SimulatedRandom(plan.Seed);
        Trace = new Trace(Time, isTraced);
        Invariants = new InvariantChecker(this);
        Store = new SimulatedStore(this);
        Vault = new SimulatedVault(this);
        AlipayHk = new SimulatedAlipayHk(this);
        Broker = new SimulatedBroker(this);
        Lanes = new SimulatedLanes(this);
        Resyncs = new SimulatedResyncStore(this);
        SendState = new SimulatedSendState(this);
        if (plan.IsLocal) Local = new LocalDisk(this);
        if (plan.IsOnTable) (Table, LaneTable, Runs) = (new SimulatedTable(this), new SimulatedLaneTable(this), new SimulatedRunContainer(this));
        if (plan.HasSendTable) SendTable = new SimulatedSendTable(this);
        _machines = [.. Enumerable.Range(0, plan.Machines).Select(number => new Machine(this, number))];
    }

    public Plan Plan { get; }

    public SimulatedKeys Keys { get; }

    public VirtualTime Time { get; } = new();

    public SimulatedRandom Random { get; }

    public Trace Trace { get; }

    public FaultCounts Faults { get; } = new();

    public InvariantChecker Invariants { get; }

    public SimulatedStore Store { get; }

    /// <summary>The table behind the ledger; null if the ledger is the fast double.</summary>
    public SimulatedTable? Table { get; }

    /// <summary>The table behind the lanes' progress; null if that is the fast double.</summary>
    public SimulatedLaneTable? LaneTable { get; }

    /// <summary>The container behind the runs; null if that is the fast double, or the local host's.</summary>
    public SimulatedRunContainer? Runs { get; }

    /// <summary>The data folder of the local host; null in the cloud.</summary>
    public LocalDisk? Local { get; }

    public SimulatedVault Vault { get; }

    public SimulatedAlipayHk AlipayHk { get; }

    public SimulatedBroker Broker { get; }

    /// <summary>The sessions that carry packs.</summary>
    public SimulatedLanes Lanes { get; }

    public SimulatedResyncStore Resyncs { get; }

    /// <summary>The document behind the send budget and the circuit breaker, if the processes share them.</summary>
    public SimulatedSendState SendState { get; }

    /// <summary>The table that holds it; null if it is the fast double.</summary>
    public SimulatedSendTable? SendTable { get; }

    public SimulatedCatalog Catalog { get; } = new();

    public SimulatedPlanFiles PlanFiles { get; } = new();

    public IReadOnlyList<Machine> Machines => _machines;

    /// <summary>Calls of all processes to external services.</summary>
    public int PortCalls { get; set; }

    /// <summary>Writes and syncs of the local host's disk.</summary>
    public int DiskWrites { get; set; }

    /// <summary>A person is replaying parked items.</summary>
    public bool IsReplaying { get; set; }

    /// <summary>All other work is done, and the final catalog is being resynced.</summary>
    public bool IsInFinalRuns => _finalRuns > 0;

    /// <summary>Submissions that callers are still trying to make over HTTP.</summary>
    public int CallersWaiting { get; set; }

    private bool AreFaultsOn => Time.Elapsed < Plan.Horizon;

    /// <summary>Runs until every item has an outcome, an invariant is violated, or the timeout expires.</summary>
    public void Run()
    {
        foreach (var machine in _machines) machine.Start();
        if (Local is null) new AppTimer(this).Start();
        foreach (var machineEvent in Plan.MachineEvents) Time.At(machineEvent.At, () => _machines[machineEvent.Machine].Apply(machineEvent));
        foreach (var submitted in Plan.Submissions) Time.At(submitted.At, () => Submit(submitted));
        foreach (var outage in Plan.Outages.Where(outage => outage.Fault == Fault.BrokerOutage))
        {
            Time.At(outage.To, Broker.Pump);
            Time.At(outage.To, Lanes.Pump);
        }

        new SendOperator(this).Schedule(Plan.Pauses);
        foreach (var at in Plan.Replays) Time.At(at, () => _machines[0].Process?.ReplayParked());

        if (Plan.ListedAt is { } listedAt)
        {
            if (Table is not null) Time.At(listedAt, Table.CheckLists);
            if (Local is not null) Time.At(listedAt, () => _machines[0].Process?.CheckLists());
        }

        if (Plan.Bulk is { } bulk) Schedule(bulk);
        var end = Plan.Horizon + Plan.Timeout;
        for (var steps = 1; Invariants.Violation is null && Time.Step(end); steps++)
        {
            if (steps % 16 == 0 && Time.Elapsed > Plan.Horizon && IsQuiet() && IsFinalResyncDone()) break;
            if (steps == Plan.MaxSteps) Invariants.Report(Invariant.NoItemLost, $"no end after {steps} steps");
        }

        Invariants.CheckEnd(IsQuiet());
        Broker.CheckEnd();

        // A crash point lies in the run, not in the writes that close its files.
        var diskWrites = DiskWrites;
        foreach (var machine in _machines) machine.Process?.ShutDownAtEnd();
        DiskWrites = diskWrites;
        Local?.Dispose();
        Table?.Dispose();
        LaneTable?.Dispose();
        Runs?.Dispose();
        SendTable?.Dispose();
    }

    /// <summary>Draws whether to inject the fault into a call, and counts it.</summary>
    public bool Inject(Fault fault)
    {
        var isInjected = Draw(fault);
        if (isInjected) Faults.Add(fault);
        return isInjected;
    }

    /// <summary>Draws whether to inject the fault into a call. The caller counts it.</summary>
    public bool Draw(Fault fault) => AreFaultsOn && Random.Chance(Plan.Chance(fault));

    /// <summary>Whether the service is down now.</summary>
    public bool IsDown(Fault outage, int vault = 0)
    {
        foreach (var window in Plan.Outages)
        {
            if (window.Fault == outage && window.Vault == vault && Time.Elapsed >= window.From && Time.Elapsed < window.To) return true;
        }

        return false;
    }

    /// <summary>Whether the service is down for a call; counts it.</summary>
    public bool InjectOutage(Fault outage, int vault = 0)
    {
        if (!IsDown(outage, vault)) return false;
        Faults.Add(outage);
        return true;
    }

    /// <summary>Greater than any <see cref="ShortDelay"/>.</summary>
    public static TimeSpan MaxShortDelay { get; } = TimeSpan.FromMilliseconds(22);

    public TimeSpan ShortDelay() => TimeSpan.FromMilliseconds(2 + Random.Next(20));

    private bool IsQuiet() =>
        CallersWaiting == 0 && Store.Pending == 0 && Broker.ContentMessages == 0 && AlipayHk.InFlight == 0 && Lanes.Waiting == 0
        && !Resyncs.IsBusy && !IsCrashPending;

    // The call of the crash point has begun, but the crash after its effect has not happened yet.
    private bool IsCrashPending => Plan.CrashPoint is { } point && Faults[Fault.Crash] == 0
        && (point.Moment == CrashMoment.AtDiskWrite ? DiskWrites : PortCalls) >= point.Number;

    private void Schedule(BulkPlan bulk)
    {
        foreach (var export in bulk.Exports) Time.At(export.At, () => Write(export));
        foreach (var trigger in bulk.Triggers) Time.At(trigger.At, () => _machines[trigger.Machine].Process?.Trigger(trigger, static _ => { }));
    }

    private void Write(Export export)
    {
        if (export.IsDamaged) Faults.Add(Fault.CatalogDamaged);
        if (Resyncs.IsBusy) Faults.Add(Fault.CatalogReplaced);
        var file = Catalog.Write(export, Time.Now);
        Invariants.Versions.Exported(Invariants.Resyncs.Exported(file));
    }

    // When all other work is done, the final catalog is resynced. After that nothing may differ.
    private bool IsFinalResyncDone()
    {
        if (Plan.Bulk is not { } bulk) return true;
        if (_isStartingFinalRun) return false;
        if (_finalRuns == bulk.FinalRuns.Count) return true;
        _isStartingFinalRun = true;
        if (_finalRuns == 0) Write(bulk.FinalExport);
        if (bulk.IsLastRunRepeated && _finalRuns == bulk.FinalRuns.Count - 1) Invariants.Resyncs.Repeating();
        Time.After(TimeSpan.FromMinutes(1), StartFinalRun);
        return false;
    }

    private void StartFinalRun()
    {
        if (!_isStartingFinalRun) return;
        var run = _finalRuns;
        _machines[0].Process?.Trigger(new ResyncTrigger(Time.Elapsed, 0, Plan.Bulk!.FinalRuns[run]), Started);

        // The process may die before it starts the run.
        Time.After(TimeSpan.FromMinutes(1), StartFinalRun);

        void Started(bool isStarted)
        {
            if (!isStarted || run != _finalRuns) return;
            _finalRuns++;
            _isStartingFinalRun = false;
        }
    }

    private void Submit(Submitted submitted)
    {
        if (submitted.Input == Input.Queue)
        {
            Broker.Produce(submitted);
            return;
        }

        CallersWaiting++;
        Call(submitted, 0);
    }

    // A caller without a response retries a few times.
    private void Call(Submitted submitted, int retries)
    {
        var process = _machines[(submitted.Machine + retries) % _machines.Length].Process;
        if (process is not { IsAccepting: true })
        {
            CallAgain();
            return;
        }

        process.Serve(submitted, isAccepted =>
        {
            if (isAccepted) CallersWaiting--;
            else CallAgain();
        });

        void CallAgain()
        {
            if (retries == MaxCallerRetries) CallersWaiting--;
            else Time.After(TimeSpan.FromSeconds(20 << retries), () => Call(submitted, retries + 1));
        }
    }
}

/// <summary>A machine. It runs one process at a time.</summary>
internal sealed class Machine(World world, int number)
{
    /// <summary>Longer than a request waits between its signature and the network.</summary>
    private static readonly TimeSpan MaxRequestAge = TimeSpan.FromSeconds(60);

    private TimeSpan _settlesAt;

    /// <summary>Null between a crash and the restart.</summary>
    public SimulatedProcess? Process { get; private set; }

    public int Number => number;

    public string Name { get; } = $"app{number}";

    public TimeSpan ClockOffset { get; private set; }

    /// <summary>Whether a request that is on its way may carry another time, because the clock jumped or the process froze.</summary>
    public bool IsClockUnsettled => world.Time.Elapsed < _settlesAt;

    public void Start()
    {
        try
        {
            Process = new SimulatedProcess(world, this);
        }
        catch (Exception e) when (e is LedgerUnavailableException or SendStateUnavailableException)
        {
            world.Trace.Write(Name, $"cannot start: {world.Local?.WithoutFolder(e.Message) ?? e.Message}");
            if (world.Local is { Disk.HasStopped: true } local)
            {
                world.Faults.Add(Fault.Crash);
                local.Disk.End(losesPower: true, static () => { });
            }

            Restart(world.Plan.RestartTime);
            return;
        }

        world.AlipayHk.ProcessStarted();
        world.Vault.ProcessStarted();
        Process.Start();
    }

    public void Apply(MachineEvent machineEvent)
    {
        switch (machineEvent.Fault)
        {
            case Fault.ClockJump:
                world.Faults.Add(Fault.ClockJump);
                world.Trace.Write(Name, $"the wall clock jumps by {machineEvent.Amount}");
                ClockOffset += machineEvent.Amount;
                Unsettle(MaxRequestAge);
                Process?.SetClock(ClockOffset);
                break;
            case Fault.Freeze:
                world.Faults.Add(Fault.Freeze);
                world.Trace.Write(Name, $"freezes for {machineEvent.Amount}");
                Unsettle(machineEvent.Amount + MaxRequestAge);
                Process?.Freeze(machineEvent.Amount);
                break;
            case Fault.Shutdown:
                world.Faults.Add(Fault.Shutdown);
                Process?.ShutDown(() => Restart(machineEvent.Amount));
                break;
            default:
                Process?.Crash(machineEvent.Amount);
                break;
        }
    }

    public void Crashed(TimeSpan downFor)
    {
        world.Faults.Add(Fault.Crash);
        Restart(downFor);
    }

    private void Unsettle(TimeSpan duration)
    {
        var until = world.Time.Elapsed + duration;
        if (until > _settlesAt) _settlesAt = until;
    }

    private void Restart(TimeSpan downFor)
    {
        Process = null;
        world.Time.After(downFor, () =>
        {
            if (Process is not null) return;
            world.Faults.Add(Fault.Restart);
            world.Trace.Write(Name, $"starts");
            Start();
        });
    }
}
