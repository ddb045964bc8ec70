using ContentSync.Synchronization;

namespace ContentSync.Simulation;

/// <summary>
/// One to eight processes that share a send budget and a circuit breaker. Bursts of items ask for more than the budget, while processes crash,
/// shut down, freeze and have wrong clocks, the store of the budget fails, and AlipayHK is down.
/// </summary>
internal sealed class SharedBudgetPlanGenerator(ulong seed)
{
    private const int MaxMachines = 8;
    private const int Bursts = 3;

    private static readonly TimeSpan Horizon = TimeSpan.FromMinutes(30);

    private readonly SimulatedRandom _random = new(seed ^ 0xB0D6_E7B0_D6E7_B0D6);

    public Plan Draw()
    {
        var machines = 1 + _random.Next(MaxMachines);
        var perSecond = _random.Pick(0.5, 1.0, 3.0, 6.0);
        return new Plan
        {
            Seed = seed + 0xB0D6E7,
            Machines = machines,
            SharesBudget = true,
            HasSendTable = seed % 2 == 0,
            MaxSendsPerSecond = perSecond,
            Consumers = 4 + _random.Next(5),
            Horizon = Horizon,
            MaxSteps = 5_000_000,
            Recoverability = new RecoverabilityOptions
            {
                ProbeInterval = TimeSpan.FromSeconds(_random.Pick(30, 60)),
                BreakerThreshold = _random.Pick(3, 5),
            },
            Chances = Chances(),
            Outages = Outages(),
            MachineEvents = MachineEvents(machines),
            Submissions = Submissions(machines, perSecond),
            Pauses = Pauses(),
        };
    }

    private List<PausePlan> Pauses()
    {
        var pauses = new List<PausePlan>();
        var at = TimeSpan.Zero;
        while (_random.Chance(0.4))
        {
            var from = at + _random.Between(TimeSpan.Zero, TimeSpan.FromMinutes(12));
            at = from + _random.Between(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(8));
            pauses.Add(new PausePlan(from, at, _random.Pick<string?>(null, "SKU")));

            // Both calls may have to be repeated.
            at += TimeSpan.FromMinutes(6);
        }

        return pauses;
    }

    private Dictionary<Fault, double> Chances()
    {
        var chances = new Dictionary<Fault, double>();
        foreach (var fault in (Fault[])[Fault.SendStoreRequestLost, Fault.SendStoreResponseLost, Fault.SendStoreLate])
        {
            if (_random.Chance(0.5)) chances[fault] = _random.Pick(0.03, 0.2);
        }

        foreach (var fault in (Fault[])[Fault.AlipayHkServerError, Fault.AlipayHkTimeoutAfterEffect, Fault.VaultThrottle, Fault.StoreResponseLost])
        {
            if (_random.Chance(0.2)) chances[fault] = 0.02;
        }

        if (_random.Chance(0.3)) chances[Fault.Crash] = 0.001 * _random.NextDouble();
        return chances;
    }

    private List<Outage> Outages()
    {
        var outages = new List<Outage>();
        Add(Fault.AlipayHkOutage, 0.5, TimeSpan.FromMinutes(3), TimeSpan.FromMinutes(10));
        Add(Fault.AlipayHkConfigurationFault, 0.3, TimeSpan.FromMinutes(3), TimeSpan.FromMinutes(6));
        Add(Fault.SendStoreOutage, 0.4, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(3));
        Add(Fault.StoreOutage, 0.2, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(2));
        return outages;

        void Add(Fault fault, double chance, TimeSpan min, TimeSpan max)
        {
            while (_random.Chance(chance))
            {
                var from = Horizon * 0.8 * _random.NextDouble();
                outages.Add(new Outage(fault, from, from + _random.Between(min, max)));
            }
        }
    }

    private List<MachineEvent> MachineEvents(int machines)
    {
        var events = new List<MachineEvent>();
        for (var machine = 0; machine < machines; machine++)
        {
            Add(machine, 0.4, Fault.Crash, TimeSpan.FromSeconds(11), TimeSpan.FromMinutes(3));
            Add(machine, 0.3, Fault.Shutdown, TimeSpan.FromSeconds(11), TimeSpan.FromMinutes(1));
            Add(machine, 0.6, Fault.Freeze, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(120));
            Add(machine, 0.3, Fault.ClockJump, TimeSpan.FromHours(-24), TimeSpan.FromHours(24));
        }

        return events;

        void Add(int machine, double chance, Fault fault, TimeSpan min, TimeSpan max)
        {
            while (_random.Chance(chance)) events.Add(new MachineEvent(fault, machine, Horizon * _random.NextDouble(), _random.Between(min, max)));
        }
    }

    private List<Submitted> Submissions(int machines, double perSecond)
    {
        var submissions = new List<Submitted>();

        // In a quiet shop nothing but a few items that failed may be left to probe with.
        var isQuiet = _random.Chance(0.15);
        for (var burst = 0; burst < Bursts; burst++)
        {
            var start = TimeSpan.FromSeconds(1) + (Horizon * 0.7 * _random.NextDouble());
            var items = isQuiet ? 1 + _random.Next(3) : (int)(perSecond * (30 + _random.Next(60)));
            for (var i = 0; i < items; i++)
            {
                var at = start + (TimeSpan.FromSeconds(30) * _random.NextDouble());
                var input = _random.Pick(Input.Queue, Input.Queue, Input.HttpSync);
                var id = $"b{submissions.Count}";
                submissions.Add(new Submitted(
                    at, input, _random.Next(machines), id, [new SubmittedItem(id, 1, new RevisionText(",\"revision\":1"), ItemKind.Normal)]));
            }
        }

        submissions.Sort((a, b) => a.At.CompareTo(b.At));
        return submissions;
    }
}
