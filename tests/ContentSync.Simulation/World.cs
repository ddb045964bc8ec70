using ContentSync.Resync;

namespace ContentSync.Simulation;

/// <summary>Everything outside the app, and the machines that run it.</summary>
internal sealed class World
{
    private readonly Machine[] _machines;
    private bool _isReconciling;
    private bool _isReconciled;

    public World(Plan plan, SimulatedKeys keys, bool isTraced)
    {
        Plan = plan;
        Keys = keys;
        Random = new SimulatedRandom(plan.Seed);
        Trace = new Trace(Time, isTraced);
        Judge = new Judge(this);
        Store = new SimulatedStore(this);
        Vault = new SimulatedVault(this);
        Partner = new SimulatedPartner(this);
        Broker = new SimulatedBroker(this);
        Lanes = new SimulatedLanes(this);
        Resyncs = new SimulatedResyncStore(this);
        _machines = [.. Enumerable.Range(0, plan.Machines).Select(number => new Machine(this, number))];
    }

    public Plan Plan { get; }

    public SimulatedKeys Keys { get; }

    public VirtualTime Time { get; } = new();

    public SimulatedRandom Random { get; }

    public Trace Trace { get; }

    public FaultCounts Faults { get; } = new();

    public Judge Judge { get; }

    public SimulatedStore Store { get; }

    public SimulatedVault Vault { get; }

    public SimulatedPartner Partner { get; }

    public SimulatedBroker Broker { get; }

    /// <summary>The sessions that carry packs.</summary>
    public SimulatedLanes Lanes { get; }

    public SimulatedResyncStore Resyncs { get; }

    public SimulatedCatalog Catalog { get; } = new();

    public IReadOnlyList<Machine> Machines => _machines;

    /// <summary>Calls of all processes to what lies outside them.</summary>
    public int PortCalls { get; set; }

    /// <summary>A person replays what is parked.</summary>
    public bool IsReplaying { get; set; }

    /// <summary>Items that callers still try to hand in.</summary>
    public int CallersWaiting { get; set; }

    private bool AreFaultsOn => Time.Elapsed < Plan.Horizon;

    /// <summary>Runs to its end: all is settled, or an invariant does not hold, or the patience is over.</summary>
    public void Run()
    {
        foreach (var machine in _machines) machine.Start();
        foreach (var happening in Plan.MachineEvents) Time.At(happening.At, () => _machines[happening.Machine].Happen(happening));
        foreach (var submitted in Plan.Submissions) Time.At(submitted.At, () => Submit(submitted));
        foreach (var outage in Plan.Outages.Where(outage => outage.Fault == Fault.BrokerOutage))
        {
            Time.At(outage.To, Broker.Pump);
            Time.At(outage.To, Lanes.Pump);
        }

        foreach (var at in Plan.Replays) Time.At(at, () => _machines[0].Process?.ReplayParked());

        if (Plan.Bulk is { } bulk) Begin(bulk);
        var end = Plan.Horizon + Plan.Patience;
        for (var steps = 1; Judge.Violation is null && Time.Step(end); steps++)
        {
            if (steps % 16 == 0 && Time.Elapsed > Plan.Horizon && IsQuiet() && IsReconciled()) break;
            if (steps == Plan.MostSteps) Judge.Report(Invariant.EverythingSettles, $"no end after {steps} steps");
        }

        Judge.CheckEnd(IsQuiet());
    }

    /// <summary>Whether this fault hits this call; counted if so.</summary>
    public bool Strikes(Fault fault)
    {
        var strikes = Chances(fault);
        if (strikes) Faults.Add(fault);
        return strikes;
    }

    /// <summary>Whether this fault hits this call; counted by whoever lets it happen.</summary>
    public bool Chances(Fault fault) => AreFaultsOn && Random.Chance(Plan.Chance(fault));

    /// <summary>Whether this is away now.</summary>
    public bool IsOut(Fault outage, int vault = 0)
    {
        foreach (var window in Plan.Outages)
        {
            if (window.Fault == outage && window.Vault == vault && Time.Elapsed >= window.From && Time.Elapsed < window.To) return true;
        }

        return false;
    }

    /// <summary>Whether a call meets the outage; counted if so.</summary>
    public bool Meets(Fault outage, int vault = 0)
    {
        if (!IsOut(outage, vault)) return false;
        Faults.Add(outage);
        return true;
    }

    /// <summary>More than any <see cref="Brief"/>.</summary>
    public static TimeSpan LongestBrief { get; } = TimeSpan.FromMilliseconds(22);

    public TimeSpan Brief() => TimeSpan.FromMilliseconds(2 + Random.Next(20));

    private bool IsQuiet() => CallersWaiting == 0 && Store.Pending == 0 && Broker.ContentMessages == 0 && Partner.InFlight == 0 && Lanes.Waiting == 0 && !Resyncs.IsBusy && !IsCrashComing;

    // A crash that is to come may still be on its way, in a call that is.
    private bool IsCrashComing => Plan.CrashPoint is { } point && PortCalls >= point.Call && Faults[Fault.Crash] == 0;

    private void Begin(BulkPlan bulk)
    {
        foreach (var export in bulk.Exports) Time.At(export.At, () => Export(export.Items, export.IsCut));
        foreach (var asked in bulk.Asked) Time.At(asked.At, () => _machines[asked.Machine].Process?.Ask(asked, static _ => { }));
    }

    private void Export(IReadOnlyList<SubmittedItem> items, bool isCut)
    {
        if (isCut) Faults.Add(Fault.CatalogCut);
        if (Resyncs.IsBusy) Faults.Add(Fault.CatalogReplaced);
        Judge.Bulk.Exported(Catalog.Write(items, isCut, Time.Now));
    }

    // When all is quiet the catalog is reconciled once more, and then nothing may differ.
    private bool IsReconciled()
    {
        if (Plan.Bulk is not { } bulk || _isReconciled) return true;
        if (_isReconciling) return false;
        _isReconciling = true;
        Export(bulk.Last, isCut: false);
        Time.After(TimeSpan.FromMinutes(1), Reconcile);
        return false;
    }

    private void Reconcile()
    {
        if (_isReconciled) return;
        _machines[0].Process?.Ask(new ResyncAsked(Time.Elapsed, 0, new ResyncParameters { AllowedDelistShare = 1 }), isTaken => _isReconciled |= isTaken);

        // A process may have died of it.
        Time.After(TimeSpan.FromMinutes(1), Reconcile);
    }

    private void Submit(Submitted submitted)
    {
        if (submitted.Door == Door.Queue)
        {
            Broker.Produce(submitted);
            return;
        }

        CallersWaiting++;
        Call(submitted, 0);
    }

    // A caller that gets no answer calls again, some times.
    private void Call(Submitted submitted, int tries)
    {
        var process = _machines[(submitted.Machine + tries) % _machines.Length].Process;
        if (process is not { IsAccepting: true })
        {
            CallAgain();
            return;
        }

        process.Serve(submitted, isTaken =>
        {
            if (isTaken) CallersWaiting--;
            else CallAgain();
        });

        void CallAgain()
        {
            if (tries == 6) CallersWaiting--;
            else Time.After(TimeSpan.FromSeconds(20 << tries), () => Call(submitted, tries + 1));
        }
    }
}

/// <summary>A machine: one process after the other.</summary>
internal sealed class Machine(World world, int number)
{
    /// <summary>Null between a crash and the restart.</summary>
    public SimulatedProcess? Process { get; private set; }

    public int Number => number;

    public string Name { get; } = $"app{number}";

    public TimeSpan ClockOffset { get; private set; }

    public void Start()
    {
        Process = new SimulatedProcess(world, this);
        Process.Start();
    }

    public void Happen(MachineEvent happening)
    {
        switch (happening.Fault)
        {
            case Fault.ClockJump:
                world.Faults.Add(Fault.ClockJump);
                world.Trace.Write(Name, $"the wall clock jumps by {happening.Amount}");
                ClockOffset += happening.Amount;
                Process?.SetClock(ClockOffset);
                break;
            case Fault.Shutdown:
                world.Faults.Add(Fault.Shutdown);
                Process?.ShutDown(() => Restart(happening.Amount));
                break;
            default:
                Process?.Crash(happening.Amount);
                break;
        }
    }

    public void Crashed(TimeSpan downFor)
    {
        world.Faults.Add(Fault.Crash);
        Restart(downFor);
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
