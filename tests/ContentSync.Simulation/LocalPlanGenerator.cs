using ContentSync.Resync;
using ContentSync.Synchronization;

namespace ContentSync.Simulation;

/// <summary>
/// Turns the plans of some seeds into plans of the local host. It has its own random numbers, so that the rest of the plan does not depend
/// on it.
/// </summary>
internal sealed class LocalPlanGenerator(ulong seed)
{
    /// <summary>Seeds of ten consecutive ones.</summary>
    private const ulong OneIn = 10;

    private static readonly TimeSpan MaxHostOutage = TimeSpan.FromHours(4);

    private readonly SimulatedRandom _random = new(seed ^ 0x10CA_1057_10CA_1057);

    public static bool IsLocal(ulong seed) => seed % OneIn == 6;

    public Plan Change(Plan plan)
    {
        var chances = plan.Chances.ToDictionary();
        if (_random.Chance(0.5)) chances[Fault.LossInCommit] = _random.Pick(0.01, 0.05, 0.2);
        if (_random.Chance(0.3)) chances[Fault.Crash] = 0.02 * _random.NextDouble();
        if (_random.Chance(0.5)) chances[Fault.ContinuationLate] = _random.Pick(0.1, 0.5);
        if (_random.Chance(0.3)) chances[Fault.AlipayHkLateEffect] = 0.2;
        var isQuick = _random.Chance(0.5);
        var hasHostSettings = _random.Chance(0.5);
        if (hasHostSettings) plan = plan with { Outages = [.. plan.Outages.Select(Shortened)] };
        var local = plan with
        {
            IsLocal = true,
            Machines = 1,
            SweepInterval = hasHostSettings ? HostSettings.SweepInterval : plan.SweepInterval,
            HasHostSettings = hasHostSettings,
            Recoverability = hasHostSettings ? HostSettings.Recoverability : plan.Recoverability,
            Chances = chances,
            Outages = [.. plan.Outages.Where(outage => outage.Fault is not (Fault.StoreOutage or Fault.BrokerOutage)), .. FullDisk(plan)],
            RestartTime = isQuick ? QuickRestart() : plan.RestartTime,
            MachineEvents =
            [
                .. plan.MachineEvents.Where(machineEvent => machineEvent.Fault != Fault.ClockJump)
                    .Select(machineEvent => machineEvent with { Machine = 0, Amount = isQuick ? QuickRestart() : machineEvent.Amount }),
                .. Jumps(plan),
            ],
            Submissions = [.. plan.Submissions.Select(submitted => submitted with
            {
                Input = submitted.Input == Input.Queue ? Input.HttpAsync : submitted.Input,
                Machine = 0,
                Items = hasHostSettings ? [.. submitted.Items.Select(Responding)] : submitted.Items,
            })],
            ListedAt = plan.Submissions[_random.Next(plan.Submissions.Count)].At + TimeSpan.FromSeconds(_random.Next(60)),
        };
        if (_random.Chance(0.4)) return WithQueueOnly(local);
        if (_random.Chance(0.3)) return WithRevertedItem(local);
        local = _random.Chance(0.5) ? WithCatalogs(local) : local;
        return _random.Chance(0.6) ? local with { HasSendState = true, Pauses = Pauses(local) } : local;
    }

    private List<PausePlan> Pauses(Plan plan)
    {
        var pauses = new List<PausePlan>();
        var at = TimeSpan.Zero;
        while (_random.Chance(0.6))
        {
            // Near a submission, or nothing would have to wait.
            var from = plan.Submissions[_random.Next(plan.Submissions.Count)].At + TimeSpan.FromSeconds(30 * _random.NextDouble());
            if (from < at) continue;
            at = from + _random.Between(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(20));
            pauses.Add(new PausePlan(from, at, _random.Pick<string?>(null, "SKU")));
        }

        return pauses;
    }

    // The host plans a catalog in one go and sends it itself. Often it ends while a run begins or ends, or a run replaces another one.
    private Plan WithCatalogs(Plan plan)
    {
        var bulk = new BulkPlanGenerator(seed).AddCatalogs(plan).Bulk!;
        var triggers = bulk.Triggers.ToList();

        // The checks of catalogs need a clock that is right.
        var events = plan.MachineEvents.Where(machineEvent => machineEvent.Fault != Fault.ClockJump).ToList();
        foreach (var trigger in bulk.Triggers)
        {
            if (_random.Chance(0.3)) triggers.Add(new ResyncTrigger(After(trigger), 0, new ResyncParameters { Again = true }));
            if (_random.Chance(0.2)) triggers.Add(trigger with { At = After(trigger), IsCancel = true });
            if (_random.Chance(0.3)) events.Add(new MachineEvent(Fault.Crash, 0, After(trigger), QuickRestart()));
        }

        // A run makes so many calls that the host would only end and start again, so it ends while it writes runs instead.
        var chances = plan.Chances.Where(chance => chance.Key is not (Fault.Crash or Fault.LossInCommit)).ToDictionary();
        if (_random.Chance(0.7)) chances[Fault.LossAtRun] = _random.Pick(0.02, 0.1, 0.2);
        triggers.Sort((a, b) => a.At.CompareTo(b.At));
        return plan with
        {
            Chances = chances,
            MachineEvents = events,
            Bulk = bulk with { IsPlannedInSteps = false, Triggers = triggers },
        };

        TimeSpan After(ResyncTrigger trigger) =>
            trigger.At + _random.Between(TimeSpan.Zero, _random.Pick(TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(1)));
    }

    // An item that never gets a response is tried for days, and the shipped host looks for overdue items every few seconds.
    private static SubmittedItem Responding(SubmittedItem item) => item.Kind == ItemKind.Tarpit ? item with { Kind = ItemKind.Poison } : item;

    // The attempts of the shipped host outlast an outage of some hours.
    private static Outage Shortened(Outage outage) => outage.To - outage.From < MaxHostOutage ? outage : outage with { To = outage.From + MaxHostOutage };

    // A service manager restarts the host at once, so it is back before what it had in flight takes effect.
    private TimeSpan QuickRestart() => _random.Between(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(3));

    // The power fails right after a version was sent. Nothing can be sent after the restart, and then the item changes back to what AlipayHK
    // held before: only the ledger can know that AlipayHK no longer does.
    private Plan WithRevertedItem(Plan plan)
    {
        var at = plan.Horizon * (0.05 + (0.8 * _random.NextDouble()));
        var lostAt = at + _random.Between(TimeSpan.FromSeconds(0.1), TimeSpan.FromSeconds(1));
        var downAt = lostAt + TimeSpan.FromSeconds(0.5);
        var submissions = new List<Submitted>(plan.Submissions) { Submit("w", 1, at - TimeSpan.FromMinutes(3)), Submit("w", 2, at) };
        for (var other = 1; other <= 4; other++) submissions.Add(Submit($"w{other}", 1, downAt + TimeSpan.FromSeconds(2 + other)));
        submissions.Add(Submit("w", 1, at + _random.Between(TimeSpan.FromSeconds(40), TimeSpan.FromMinutes(2))));
        submissions.Sort((a, b) => a.At.CompareTo(b.At));
        return plan with
        {
            Recoverability = new RecoverabilityOptions
            {
                ProbeInterval = plan.Recoverability.ProbeInterval,
                BreakerThreshold = 3,
                SigningRetryDelay = plan.Recoverability.SigningRetryDelay,
            },
            MaxSendsPerSecond = 2,
            MachineEvents = [.. plan.MachineEvents, new MachineEvent(Fault.Crash, 0, lostAt, TimeSpan.FromSeconds(1))],
            Outages = [.. plan.Outages, new Outage(Fault.AlipayHkOutage, downAt, downAt + TimeSpan.FromMinutes(5))],
            Submissions = submissions,
        };

        static Submitted Submit(string contentId, int content, TimeSpan at) =>
            new(at, Input.HttpAsync, 0, "", [new SubmittedItem(contentId, content, null, ItemKind.Normal)]);
    }

    // Either without the sweep, which would hide that the queue loses something, or with many ends, after which the sweep is needed.
    private Plan WithQueueOnly(Plan plan)
    {
        var queueOnly = WithoutLosses(plan);
        return _random.Chance(0.5)
            ? WithHotItems(queueOnly with { SweepInterval = TimeSpan.FromDays(40), MachineEvents = [] })
            : queueOnly with { MachineEvents = [.. queueOnly.MachineEvents, .. Enumerable.Range(0, 4).Select(_ => ShutdownIn(plan))] };
    }

    // Items that change while an attempt ends, when nothing but the queue knows that they must run again.
    private Plan WithHotItems(Plan plan)
    {
        var submissions = new List<Submitted>(plan.Submissions);
        for (var item = 0; item < 8; item++)
        {
            var at = plan.Horizon * 0.95 * _random.NextDouble();
            for (var content = 1; content <= 6; content++)
            {
                submissions.Add(new Submitted(at, Input.HttpAsync, 0, "", [new SubmittedItem($"h{item}", content, null, ItemKind.Normal)]));
                at += _random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(1));
            }
        }

        submissions.Sort((a, b) => a.At.CompareTo(b.At));
        return plan with
        {
            Submissions = submissions,
            MaxSendsPerSecond = 2,
            Chances = new Dictionary<Fault, double>(plan.Chances) { [Fault.ContinuationLate] = 0.5 },
        };
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

    // One jump either way, and perhaps back by part of it. More would make items older than they may become.
    private static IEnumerable<MachineEvent> Jumps(Plan plan)
    {
        var first = plan.MachineEvents.FirstOrDefault(machineEvent => machineEvent.Fault == Fault.ClockJump);
        if (first is null) yield break;
        yield return first with { Machine = 0 };
        var second = plan.MachineEvents.LastOrDefault(machineEvent => machineEvent.Fault == Fault.ClockJump);
        if (second is not null && second != first && second.At > first.At) yield return second with { Machine = 0, Amount = first.Amount * -0.9 };
    }
}
