using ContentSync.Synchronization;

namespace ContentSync.Simulation;

/// <summary>Draws a plan from a seed. Each seed has some kinds of faults only, so that rare meetings of two kinds are not drowned by all the others.</summary>
internal sealed class PlanDraw
{
    private static readonly TimeSpan Horizon = TimeSpan.FromHours(24);

    private static readonly Fault[] CallFaults =
    [
        Fault.Duplicate, Fault.Reorder, Fault.Drop, Fault.Delay, Fault.LockLoss, Fault.SettlementLost, Fault.CallerGone,
        Fault.StoreAnswerLost, Fault.StoreSlow, Fault.VaultThrottle,
        Fault.PartnerThrottle, Fault.PartnerServerError, Fault.PartnerUnknownException, Fault.PartnerTimeoutBeforeEffect,
        Fault.PartnerTimeoutAfterEffect, Fault.PartnerLateEffect, Fault.PartnerReset, Fault.PartnerResetAfterEffect, Fault.PartnerTruncated,
        Fault.PartnerForged, Fault.PartnerUnsigned, Fault.PartnerUnsignedRejection,
    ];

    private readonly SimulatedRandom _random;
    private readonly TimeSpan[] _bursts;

    private PlanDraw(ulong seed)
    {
        _random = new SimulatedRandom(seed);
        _bursts = [TimeSpan.FromMinutes(1), .. Enumerable.Range(0, 2 + _random.Next(4)).Select(_ => Horizon * 0.95 * _random.NextDouble())];
    }

    public static Plan Of(ulong seed) => new BulkDraw(seed).Widen(new PlanDraw(seed).Draw(seed));

    /// <summary>With whole catalogs and several vaults, which only some of the seeds have.</summary>
    public static Plan WithCatalogsAndVaults(ulong seed) => new BulkDraw(seed).WidenFully(new PlanDraw(seed).Draw(seed));

    /// <summary>
    /// Without the sweep: where the queue loses nothing, all must settle by its messages alone. Otherwise the sweep would hide that
    /// they do not. Without catalogs, since what a run took in before it ended early is left to the sweep.
    /// </summary>
    public static Plan WithoutSweep(ulong seed)
    {
        var plan = new PlanDraw(seed).Draw(seed);
        return plan with
        {
            SweepInterval = TimeSpan.FromDays(40),
            Chances = plan.Chances.Where(chance => chance.Key != Fault.Drop).ToDictionary(),
            Submissions = [.. plan.Submissions.Select(submitted => submitted with { Door = Door.Queue })],
            Replays = [],
        };
    }

    /// <summary>Callers over HTTP that mostly hang up, while the partner is slow.</summary>
    public static Plan WithImpatientCallers(ulong seed)
    {
        var plan = Of(seed);
        return plan with
        {
            PartnerLatency = TimeSpan.FromSeconds(8),
            Chances = new Dictionary<Fault, double> { [Fault.CallerGone] = 0.7 },
            Submissions = [.. plan.Submissions.Select(submitted => submitted with { Door = Door.HttpNow })],
        };
    }

    private Plan Draw(ulong seed)
    {
        var machines = _random.Pick(1, 2, 2);
        return new Plan
        {
            Seed = seed + 0x5EED,
            Machines = machines,
            Consumers = 2 + _random.Next(5),
            Horizon = Horizon,
            Recoverability = new RecoverabilityOptions
            {
                ProbeInterval = _random.Chance(0.03) ? TimeSpan.FromSeconds(30) : TimeSpan.FromMinutes(_random.Pick(3, 5, 10)),
                BreakerThreshold = _random.Pick(3, 5, 7),
                SigningRetryDelay = TimeSpan.FromSeconds(_random.Pick(10, 60)),
            },
            MaxSendsPerSecond = _random.Pick(0.5, 1.0, 2.0),
            DuplicateWindow = TimeSpan.FromMinutes(_random.Pick(10, 10, 60)),
            PartnerLatency = TimeSpan.FromMilliseconds(_random.Pick(400, 400, 8_000)),
            Chances = DrawChances(),
            Outages = DrawOutages(),
            MachineEvents = DrawMachineEvents(machines),
            Submissions = DrawSubmissions(machines),
            Replays = _random.Chance(0.3) ? [Horizon * _random.NextDouble(), Horizon + TimeSpan.FromHours(_random.Next(40))] : [],
        };
    }

    private Dictionary<Fault, double> DrawChances()
    {
        var chances = new Dictionary<Fault, double>();
        var strength = _random.Pick(0.01, 0.04, 0.12);
        foreach (var fault in CallFaults)
        {
            if (_random.Chance(0.35)) chances[fault] = strength * (0.3 + _random.NextDouble());
        }

        // Few calls meet these.
        if (chances.TryGetValue(Fault.CallerGone, out var gone)) chances[Fault.CallerGone] = Math.Min(0.5, gone * 5);
        if (_random.Chance(0.3)) chances[Fault.Crash] = 0.01 * _random.NextDouble();
        return chances;
    }

    private List<Outage> DrawOutages()
    {
        var outages = new List<Outage>();
        Add(Fault.PartnerDark, 0.35, TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(_random.Pick(10, 60, 60, 240, 900)));
        Add(Fault.PartnerConfigurationFault, 0.2, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(_random.Pick(10, 120)));
        Add(Fault.StoreOutage, 0.3, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(_random.Pick(2, 30)));
        Add(Fault.VaultOutage, 0.2, TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(_random.Pick(5, 60)));
        Add(Fault.BrokerOutage, 0.2, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(_random.Pick(2, 20)));
        return outages;

        void Add(Fault fault, double chance, TimeSpan shortest, TimeSpan longest)
        {
            while (_random.Chance(chance))
            {
                var from = Moment();
                outages.Add(new Outage(fault, from, from + _random.Between(shortest, longest)));
            }
        }
    }

    private List<MachineEvent> DrawMachineEvents(int machines)
    {
        var events = new List<MachineEvent>();
        for (var machine = 0; machine < machines; machine++)
        {
            while (_random.Chance(0.6)) events.Add(new MachineEvent(_random.Pick(Fault.Crash, Fault.Crash, Fault.Shutdown), machine, Moment(), _random.Between(TimeSpan.FromSeconds(11), TimeSpan.FromMinutes(_random.Pick(1, 5, 60)))));
            while (_random.Chance(0.4)) events.Add(new MachineEvent(Fault.ClockJump, machine, Moment(), _random.Between(TimeSpan.FromHours(-24), TimeSpan.FromHours(24))));
        }

        return events;
    }

    // Mostly when there is something to disturb.
    private TimeSpan Moment() => _random.Chance(0.3)
        ? Horizon * _random.NextDouble()
        : _random.Pick<TimeSpan>(_bursts) + _random.Between(TimeSpan.FromSeconds(-30), TimeSpan.FromSeconds(_random.Pick(5, 60, 1200)));

    // Bursts: what interests is what meets in the same minute, not an even spread over a day.
    private List<Submitted> DrawSubmissions(int machines)
    {
        // In some seeds everybody wants the same two contents.
        var contents = new DrawnContent[_random.Chance(0.2) ? 2 : 6 + _random.Next(8)];
        for (var i = 0; i < contents.Length; i++) contents[i] = new DrawnContent($"c{i}", _random);
        var submissions = new List<Submitted>();
        foreach (var start in _bursts)
        {
            var count = 4 + _random.Next(10);
            for (var i = 0; i < count; i++)
            {
                var at = start + _random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(_random.Pick(2, 60, 600)));
                var door = _random.Pick(Door.Queue, Door.Queue, Door.HttpNow, Door.HttpLater);
                var items = new List<SubmittedItem> { _random.Pick<DrawnContent>(contents).Next(at) };
                if (door == Door.Queue && _random.Chance(0.15)) items.AddRange(Enumerable.Range(0, 1 + _random.Next(5)).Select(_ => _random.Pick<DrawnContent>(contents).Next(at)));
                submissions.Add(new Submitted(at, door, _random.Next(machines), $"m{submissions.Count}", items));
            }
        }

        submissions.Sort((a, b) => a.At.CompareTo(b.At));
        return submissions;
    }

    /// <summary>A content's caller: numbers its revisions, dates them, or does neither; sometimes repeats itself, goes back, or comes late.</summary>
    private sealed class DrawnContent(string contentId, SimulatedRandom random)
    {
        private readonly int _kind = random.Next(3);
        private readonly Nature _nature = random.Chance(0.06) ? random.Pick(Nature.Risky, Nature.Risky, Nature.Poison, Nature.Poison, Nature.Tarpit) : Nature.Sound;
        private readonly Dictionary<long, int> _contents = [];
        private int _newest;
        private long _revision;

        public SubmittedItem Next(TimeSpan at)
        {
            var content = random.Chance(0.15) ? Math.Max(1, _newest - random.Next(3)) : ++_newest;
            if (_kind == 2) return new SubmittedItem(contentId, content, null, NatureOf(content));
            var revision = random.Chance(0.15) ? Math.Max(1, _revision - random.Next(3)) : ++_revision;

            // The same revision always names the same content.
            if (!_contents.TryAdd(revision, content)) content = _contents[revision];
            return new SubmittedItem(contentId, content, Text(revision), NatureOf(content));
        }

        private Nature NatureOf(int content) => _nature == Nature.Risky && content % 2 == 0 ? Nature.Sound : _nature;

        private RevisionText Text(long revision) => _kind == 0
            ? new RevisionText(revision, $",\"revision\":{revision}")
            : new RevisionText(revision, $",\"occurredAt\":\"{VirtualTime.Epoch.AddDays(-1).AddSeconds(revision):yyyy-MM-dd'T'HH:mm:sszzz}\"");
    }
}
