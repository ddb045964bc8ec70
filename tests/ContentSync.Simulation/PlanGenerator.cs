using ContentSync.Synchronization;

namespace ContentSync.Simulation;

/// <summary>
/// Generates a plan from a seed. Each seed has only some kinds of faults, so that rare combinations of two kinds are not masked by all the
/// others.
/// </summary>
internal sealed class PlanGenerator
{
    // The sweep of the local host looks every few seconds, so its day is short.
    private static readonly TimeSpan LocalDay = TimeSpan.FromHours(4);

    private static readonly Fault[] CallFaults =
    [
        Fault.Duplicate, Fault.Reorder, Fault.Drop, Fault.Delay, Fault.LockLoss, Fault.SettlementLost, Fault.CallerDisconnected,
        Fault.StoreResponseLost, Fault.StoreSlow, Fault.VaultThrottle,
        Fault.AlipayHkThrottle, Fault.AlipayHkServerError, Fault.AlipayHkUnknownException, Fault.AlipayHkTimeoutBeforeEffect,
        Fault.AlipayHkTimeoutAfterEffect, Fault.AlipayHkLateEffect, Fault.AlipayHkReset, Fault.AlipayHkResetAfterEffect, Fault.AlipayHkTruncated,
        Fault.AlipayHkForged, Fault.AlipayHkUnsigned, Fault.AlipayHkUnsignedRejection,
    ];

    private readonly SimulatedRandom _random;
    private readonly TimeSpan _horizon;
    private readonly TimeSpan[] _bursts;

    private PlanGenerator(ulong seed, TimeSpan? horizon = null)
    {
        _random = new SimulatedRandom(seed);
        _horizon = horizon ?? TimeSpan.FromHours(24);
        _bursts = [TimeSpan.FromMinutes(1), .. Enumerable.Range(0, 2 + _random.Next(4)).Select(_ => _horizon * 0.95 * _random.NextDouble())];
    }

    public static Plan Of(ulong seed) => LocalPlanGenerator.IsLocal(seed)
        ? WithLocalHost(seed)
        : new RudePlanGenerator(seed).Widen(new PoisonPlanGenerator(seed).Widen(new TablePlanGenerator(seed).Widen(WithSomeCatalogs(seed))));

    /// <summary>The local host instead of the cloud, as in some seeds.</summary>
    public static Plan WithLocalHost(ulong seed) =>
        new RudePlanGenerator(seed).Widen(new LocalPlanGenerator(seed).Change(new PlanGenerator(seed, LocalDay).Draw(seed)));

    /// <summary>With the real ledger on Table storage, which only some seeds have otherwise; every other seed also with whole catalogs.</summary>
    public static Plan WithTable(ulong seed)
    {
        var plan = seed % 2 == 0 ? WithCatalogsAndVaults(seed) : WithSomeCatalogs(seed);
        return new RudePlanGenerator(seed).Widen(new TablePlanGenerator(seed).WidenFully(plan));
    }

    /// <summary>With whole catalogs and several vaults, which only some seeds have otherwise.</summary>
    public static Plan WithCatalogsAndVaults(ulong seed) => new BulkPlanGenerator(seed).WidenFully(new PlanGenerator(seed).Draw(seed));

    /// <summary>
    /// Without the sweep, and with a queue that loses no messages: the messages alone must bring every item to an outcome. The sweep would
    /// hide that they do not. Without catalogs, because items that a run accepted before it ended early are left to the sweep.
    /// </summary>
    public static Plan WithoutSweep(ulong seed)
    {
        var plan = new PlanGenerator(seed).Draw(seed);
        return plan with
        {
            SweepInterval = TimeSpan.FromDays(40),
            Chances = plan.Chances.Where(chance => chance.Key != Fault.Drop).ToDictionary(),
            Submissions = [.. plan.Submissions.Select(submitted => submitted with
            {
                Input = Input.Queue,
                Items = [.. submitted.Items.Select(item => item with { Intent = Intent.Submit })],
            })],
            Replays = [],
        };
    }

    /// <summary>Items that always fail among others that nothing happens to, so that these must flow.</summary>
    public static Plan WithPoison(ulong seed) => new PoisonPlanGenerator(seed).Isolate(new PlanGenerator(seed).Draw(seed));

    /// <summary>One to eight processes that share one send budget and one circuit breaker.</summary>
    public static Plan WithSharedBudget(ulong seed) => new SharedBudgetPlanGenerator(seed).Draw();

    /// <summary>HTTP callers that usually disconnect, while AlipayHK is slow.</summary>
    public static Plan WithImpatientCallers(ulong seed)
    {
        var plan = new PoisonPlanGenerator(seed).Widen(WithSomeCatalogs(seed));
        return plan with
        {
            AlipayHkLatency = TimeSpan.FromSeconds(8),
            Chances = new Dictionary<Fault, double> { [Fault.CallerDisconnected] = 0.7 },
            Submissions = [.. plan.Submissions.Select(submitted => submitted with { Input = Input.HttpSync })],
        };
    }

    private static Plan WithSomeCatalogs(ulong seed) => new BulkPlanGenerator(seed).Widen(new PlanGenerator(seed).Draw(seed));

    private Plan Draw(ulong seed)
    {
        var machines = _random.Pick(1, 2, 2);
        return new Plan
        {
            Seed = seed + 0x5EED,
            Machines = machines,
            Consumers = 2 + _random.Next(5),
            Horizon = _horizon,
            Recoverability = new RecoverabilityOptions
            {
                ProbeInterval = _random.Chance(0.03) ? TimeSpan.FromSeconds(30) : TimeSpan.FromMinutes(_random.Pick(3, 5, 10)),
                BreakerThreshold = _random.Pick(3, 5, 7),
                SigningRetryDelay = TimeSpan.FromSeconds(_random.Pick(10, 60)),
            },
            MaxSendsPerSecond = _random.Pick(0.5, 1.0, 2.0),
            DuplicateWindow = TimeSpan.FromMinutes(_random.Pick(10, 10, 60)),
            AlipayHkLatency = TimeSpan.FromMilliseconds(_random.Pick(400, 400, 8_000)),
            Chances = DrawChances(),
            Outages = DrawOutages(),
            MachineEvents = DrawMachineEvents(machines),
            Submissions = DrawSubmissions(machines),
            Replays = _random.Chance(0.3) ? [_horizon * _random.NextDouble(), _horizon + TimeSpan.FromHours(_random.Next(40))] : [],
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

        // Only few calls can have these faults.
        if (chances.TryGetValue(Fault.CallerDisconnected, out var gone)) chances[Fault.CallerDisconnected] = Math.Min(0.5, gone * 5);
        if (_random.Chance(0.3)) chances[Fault.Crash] = 0.01 * _random.NextDouble();
        return chances;
    }

    private List<Outage> DrawOutages()
    {
        var outages = new List<Outage>();
        Add(Fault.AlipayHkOutage, 0.35, TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(_random.Pick(10, 60, 60, 240, 900)));
        Add(Fault.AlipayHkConfigurationFault, 0.2, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(_random.Pick(10, 120)));
        Add(Fault.StoreOutage, 0.3, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(_random.Pick(2, 30)));
        Add(Fault.VaultOutage, 0.2, TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(_random.Pick(5, 60)));
        Add(Fault.BrokerOutage, 0.2, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(_random.Pick(2, 20)));
        return outages;

        void Add(Fault fault, double chance, TimeSpan min, TimeSpan max)
        {
            while (_random.Chance(chance))
            {
                var from = Moment();
                outages.Add(new Outage(fault, from, from + _random.Between(min, max)));
            }
        }
    }

    private List<MachineEvent> DrawMachineEvents(int machines)
    {
        var events = new List<MachineEvent>();
        for (var machine = 0; machine < machines; machine++)
        {
            while (_random.Chance(0.6))
            {
                var fault = _random.Pick(Fault.Crash, Fault.Crash, Fault.Shutdown);
                var at = Moment();
                var downTime = _random.Between(TimeSpan.FromSeconds(11), TimeSpan.FromMinutes(_random.Pick(1, 5, 60)));
                events.Add(new MachineEvent(fault, machine, at, downTime));
            }

            while (_random.Chance(0.4))
            {
                var at = Moment();
                events.Add(new MachineEvent(Fault.ClockJump, machine, at, _random.Between(TimeSpan.FromHours(-24), TimeSpan.FromHours(24))));
            }
        }

        return events;
    }

    // Usually during a burst.
    private TimeSpan Moment() => _random.Chance(0.3)
        ? _horizon * _random.NextDouble()
        : _random.Pick<TimeSpan>(_bursts) + _random.Between(TimeSpan.FromSeconds(-30), TimeSpan.FromSeconds(_random.Pick(5, 60, 1200)));

    // Submissions come in bursts, because conflicts arise within minutes, not when items are spread evenly over a day.
    private List<Submitted> DrawSubmissions(int machines)
    {
        // In some seeds all submissions concern the same two items.
        var items = new RandomItem[_random.Chance(0.2) ? 2 : 6 + _random.Next(8)];
        for (var i = 0; i < items.Length; i++) items[i] = new RandomItem($"c{i}", _random);
        var submissions = new List<Submitted>();
        foreach (var start in _bursts)
        {
            var count = 4 + _random.Next(10);
            for (var i = 0; i < count; i++)
            {
                var at = start + _random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(_random.Pick(2, 60, 600)));
                var input = _random.Pick(Input.Queue, Input.Queue, Input.HttpSync, Input.HttpAsync);
                var submitted = new List<SubmittedItem> { _random.Pick<RandomItem>(items).Next(at, input) };
                if (input == Input.Queue && _random.Chance(0.15))
                    submitted.AddRange(Enumerable.Range(0, 1 + _random.Next(5)).Select(_ => _random.Pick<RandomItem>(items).Next(at, input)));
                submissions.Add(new Submitted(at, input, _random.Next(machines), $"m{submissions.Count}", submitted));
            }
        }

        submissions.Sort((a, b) => a.At.CompareTo(b.At));
        return submissions;
    }

    /// <summary>
    /// An item whose caller sends revision numbers, times, neither or all of them, sometimes repeats a version or sends an older one,
    /// delists the item, sends something invalid, or rolls it back.
    /// </summary>
    private sealed class RandomItem(string contentId, SimulatedRandom random)
    {
        private const int Mixed = 3;

        private readonly int _format = random.Next(Mixed + 1);

        private readonly ItemKind _kind = random.Chance(0.06)
            ? random.Pick(ItemKind.Risky, ItemKind.Risky, ItemKind.Poison, ItemKind.Poison, ItemKind.Tarpit)
            : ItemKind.Normal;

        // A number or a time always has the same content, and belongs to one intent only.
        private readonly Dictionary<string, int> _contents = new(StringComparer.Ordinal);
        private readonly HashSet<long> _taken = [];
        private int _newest;
        private long _revision;

        public SubmittedItem Next(TimeSpan at, Input input)
        {
            var intent = input == Input.Queue || random.Chance(0.8)
                ? Intent.Submit
                : random.Pick(Intent.Delist, Intent.Delist, Intent.SubmitInvalid, Intent.RollBack);
            var content = random.Chance(0.15) ? Math.Max(1, _newest - random.Next(3)) : ++_newest;
            if (Text(at, intent) is not { } text) return new SubmittedItem(contentId, content, null, KindOf(content), intent);
            if (!_contents.TryAdd(text, content)) content = _contents[text];
            return new SubmittedItem(contentId, content, new RevisionText(text), KindOf(content), intent);
        }

        private ItemKind KindOf(int content) => _kind == ItemKind.Risky && content % 2 == 0 ? ItemKind.Normal : _kind;

        private string? Text(TimeSpan at, Intent intent) => (_format == Mixed ? random.Next(Mixed) : _format) switch
        {
            0 => $",\"revision\":{Number(intent)}",
            1 => $",\"occurredAt\":\"{Time(at, intent):yyyy-MM-dd'T'HH:mm:ss.fffzzz}\"",
            _ => null,
        };

        private long Number(Intent intent)
        {
            var number = random.Chance(0.15) && intent == Intent.Submit ? Math.Max(1, _revision - random.Next(3)) : ++_revision;
            if (_taken.Contains(number)) number = ++_revision;
            if (intent == Intent.Delist) _taken.Add(number);

            // Catalogs use the numbers in between.
            return number * 10;
        }

        // Mostly when it happened, sometimes shortly before, and sometimes by a clock that is hours ahead. Some repeat a time.
        private DateTimeOffset Time(TimeSpan at, Intent intent)
        {
            if (intent == Intent.Submit && random.Chance(0.1)) at = TimeSpan.FromMinutes((long)at.TotalMinutes);
            var offset = random.Chance(0.1) ? TimeSpan.FromHours(random.Pick(3, 10)) : random.Between(TimeSpan.FromMinutes(-4), TimeSpan.FromMinutes(2));
            var distinct = TimeSpan.FromMilliseconds(intent == Intent.Delist ? 1 : 0);
            return VirtualTime.Epoch + TimeSpan.FromSeconds((long)(at + offset).TotalSeconds) + distinct;
        }
    }
}
