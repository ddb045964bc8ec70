namespace ContentSync.Simulation;

/// <summary>
/// Turns the plans of some seeds into plans of the local host. It has its own random numbers, so that the rest of the plan does not depend
/// on it.
/// </summary>
internal sealed class LocalPlanGenerator(ulong seed)
{
    /// <summary>Seeds of ten consecutive ones.</summary>
    private const ulong OneIn = 10;

    private readonly SimulatedRandom _random = new(seed ^ 0x10CA_1057_10CA_1057);

    public static bool IsLocal(ulong seed) => seed % OneIn == 6;

    public Plan Change(Plan plan)
    {
        var chances = plan.Chances.ToDictionary();
        if (_random.Chance(0.5)) chances[Fault.LossInCommit] = _random.Pick(0.01, 0.05, 0.2);
        if (_random.Chance(0.3)) chances[Fault.Crash] = 0.02 * _random.NextDouble();
        var local = plan with
        {
            IsLocal = true,
            Machines = 1,
            Chances = chances,
            Outages = [.. plan.Outages.Where(outage => outage.Fault is not (Fault.StoreOutage or Fault.BrokerOutage)), .. FullDisk(plan)],
            MachineEvents = [.. plan.MachineEvents.Select(OnOneMachine).Where(IsFirstJump())],
            Submissions = [.. plan.Submissions.Select(submitted => submitted with
            {
                Input = submitted.Input == Input.Queue ? Input.HttpAsync : submitted.Input,
                Machine = 0,
            })],
            ListedAt = plan.Submissions[_random.Next(plan.Submissions.Count)].At + TimeSpan.FromSeconds(_random.Next(60)),
        };
        return _random.Chance(0.4) ? WithQueueOnly(local) : local;
    }

    // Either without the sweep, which would hide that the queue loses something, or with many ends, after which the sweep is needed.
    private Plan WithQueueOnly(Plan plan)
    {
        var queueOnly = WithoutLosses(plan);
        return _random.Chance(0.5)
            ? queueOnly with { SweepInterval = TimeSpan.FromDays(40), MachineEvents = [] }
            : queueOnly with { MachineEvents = [.. queueOnly.MachineEvents, .. Enumerable.Range(0, 4).Select(_ => ShutdownIn(plan))] };
    }

    private MachineEvent ShutdownIn(Plan plan)
    {
        var at = plan.Submissions[_random.Next(plan.Submissions.Count)].At + TimeSpan.FromSeconds(5 * _random.NextDouble());
        return new MachineEvent(Fault.Shutdown, 0, at, TimeSpan.FromSeconds(20));
    }

    private static Plan WithoutLosses(Plan plan) => plan with
    {
        SendsFromQueueOnly = true,
        Chances = plan.Chances.Where(chance => chance.Key is not (Fault.Crash or Fault.LossInCommit or Fault.CallerDisconnected)).ToDictionary(),
        Outages = [.. plan.Outages.Where(outage => outage.Fault != Fault.DiskFull)],
        MachineEvents = [.. plan.MachineEvents.Where(machineEvent => machineEvent.Fault == Fault.Shutdown)],
        Submissions = [.. plan.Submissions.Select(submitted => submitted with { Input = Input.HttpAsync })],
    };

    private IEnumerable<Outage> FullDisk(Plan plan)
    {
        while (_random.Chance(0.3))
        {
            var from = plan.Submissions[_random.Next(plan.Submissions.Count)].At;
            yield return new Outage(Fault.DiskFull, from, from + _random.Between(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10)));
        }
    }

    // The checker's order of versions assumes that a store's clock never goes back, but the local host takes it from the wall clock.
    private static MachineEvent OnOneMachine(MachineEvent machineEvent) =>
        machineEvent with { Machine = 0, Amount = machineEvent.Amount.Duration() };

    // The host reads the wall clock once, at its start. Several jumps would make items older than they may become.
    private static Func<MachineEvent, bool> IsFirstJump()
    {
        var jumps = 0;
        return machineEvent => machineEvent.Fault != Fault.ClockJump || jumps++ == 0;
    }
}
