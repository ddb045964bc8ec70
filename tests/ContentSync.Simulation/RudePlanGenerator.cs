using ContentSync.Synchronization;

namespace ContentSync.Simulation;

/// <summary>
/// Makes the plans of some seeds ruder: processes that freeze, an AlipayHK that insists on the true time, arrays with several invalid items,
/// versions with two contents, a short age limit, and now and then thousands of items. It has its own random numbers, so that the rest of the
/// plan does not depend on it.
/// </summary>
internal sealed class RudePlanGenerator(ulong seed)
{
    /// <summary>Seeds of as many have thousands of items.</summary>
    private const ulong ManyItemsOneIn = 500;

    private const int ManyItems = 2_000;

    private const int ItemsPerMessage = 40;

    private static readonly TimeSpan MaxOutageOfMany = TimeSpan.FromMinutes(30);

    private readonly SimulatedRandom _random = new(seed ^ 0x0D15_EA5E_0D15_EA5E);

    public Plan Widen(Plan plan)
    {
        if (!plan.IsLocal && _random.Chance(0.3)) plan = WithFreezes(plan);
        if (plan.Bulk is null && _random.Chance(0.5)) plan = WithTrueTime(plan);
        if (!plan.IsLocal && _random.Chance(0.25)) plan = WithInvalidItems(plan);
        if (_random.Chance(0.25)) plan = WithConflicts(plan);
        if (plan.Bulk is null && _random.Chance(0.1)) plan = WithAgeLimit(plan);
        return plan.Bulk is null && !plan.IsOnTable && !plan.IsLocal && seed % ManyItemsOneIn == 3 ? WithManyItems(plan) : plan;
    }

    // Longer than a lease of an item or a lock of a message, often while items are sent.
    private Plan WithFreezes(Plan plan)
    {
        var events = new List<MachineEvent>(plan.MachineEvents);
        do
        {
            var submitted = plan.Submissions[_random.Next(plan.Submissions.Count)];
            var isMoment = submitted.Input == Input.HttpSync && _random.Chance(0.7);
            var at = submitted.At + _random.Between(TimeSpan.Zero, isMoment ? TimeSpan.FromMilliseconds(200) : TimeSpan.FromSeconds(5));
            var duration = _random.Between(TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(_random.Pick(1, 3, 6)));
            events.Add(new MachineEvent(Fault.Freeze, isMoment ? submitted.Machine : _random.Next(plan.Machines), at, duration));
        }
        while (_random.Chance(0.8));
        return plan with { MachineEvents = events };
    }

    // A clock that jumped is set right within the hour, and at the latest before the faults end.
    private Plan WithTrueTime(Plan plan)
    {
        var corrections = plan.MachineEvents
            .Where(machineEvent => machineEvent.Fault == Fault.ClockJump)
            .Select(jump => jump with { At = Corrected(jump.At), Amount = -jump.Amount })
            .ToList();
        return plan with
        {
            MaxClockSkew = _random.Chance(0.7) ? TimeSpan.FromMinutes(5) : TimeSpan.MaxValue,
            MachineEvents = [.. plan.MachineEvents, .. corrections],
        };

        TimeSpan Corrected(TimeSpan jumpedAt)
        {
            var at = jumpedAt + _random.Between(TimeSpan.FromMinutes(1), TimeSpan.FromHours(1));
            return at < plan.Horizon ? at : plan.Horizon;
        }
    }

    private Plan WithInvalidItems(Plan plan)
    {
        var invalid = 0;
        return plan with { Submissions = [.. plan.Submissions.Select(Change)] };

        Submitted Change(Submitted submitted) => submitted.Input == Input.Queue && _random.Chance(0.3) ? Add(submitted) : submitted;

        Submitted Add(Submitted submitted)
        {
            var items = submitted.Items.ToList();
            for (var i = 1 + _random.Next(4); i > 0; i--)
            {
                var contentId = _random.Chance(0.5) ? items[_random.Next(items.Count)].ContentId : $"i{invalid}";
                var revision = _random.Chance(0.5) ? new RevisionText(",\"revision\":1") : null;
                var intent = _random.Pick(Intent.SubmitInvalid, Intent.SubmitInvalid, Intent.SubmitUnidentified);
                items.Insert(_random.Next(items.Count + 1), new SubmittedItem(contentId, 10_000 + invalid++, revision, ItemKind.Normal, intent));
            }

            return submitted with { Items = items };
        }
    }

    // A version comes with two contents, in one message or in several.
    private Plan WithConflicts(Plan plan)
    {
        return plan with { Submissions = [.. plan.Submissions.Select(Change)] };

        Submitted Change(Submitted submitted)
        {
            var items = submitted.Items.Select(item => CanConflict(item) && _random.Chance(0.1) ? Other(item) : item).ToList();
            if (submitted.Input == Input.Queue && CanConflict(items[0]) && _random.Chance(0.2)) items.Add(Other(items[0]));
            return submitted with { Items = items };
        }

        static bool CanConflict(SubmittedItem item) => item is { Intent: Intent.Submit, Kind: ItemKind.Normal, Revision: not null };

        static SubmittedItem Other(SubmittedItem item) => item with { Content = item.Content + 1_000 };
    }

    // Without long outages, which would make items old that AlipayHK never refused.
    private static Plan WithAgeLimit(Plan plan) => plan with
    {
        Recoverability = new RecoverabilityOptions
        {
            ProbeInterval = plan.Recoverability.ProbeInterval,
            BreakerThreshold = plan.Recoverability.BreakerThreshold,
            SigningRetryDelay = plan.Recoverability.SigningRetryDelay,
            MaxAge = TimeSpan.FromMinutes(20),
        },
        Outages = [],
        MaxClockSkew = null,
        MachineEvents = [.. plan.MachineEvents.Where(machineEvent => machineEvent.Fault != Fault.ClockJump)],
        Submissions = [.. plan.Submissions.Select(submitted => submitted with { Items = [.. submitted.Items.Select(WithPoison)] })],
    };

    private static SubmittedItem WithPoison(SubmittedItem item) =>
        item is { ContentId: "c1", Intent: Intent.Submit } ? item with { Kind = ItemKind.Poison } : item;

    private Plan WithManyItems(Plan plan)
    {
        var submissions = new List<Submitted>(plan.Submissions);
        var at = plan.Horizon * 0.8 * _random.NextDouble();
        for (var first = 0; first < ManyItems; first += ItemsPerMessage)
        {
            var items = Enumerable.Range(first, ItemsPerMessage).Select(item => new SubmittedItem($"n{item}", 1, null, ItemKind.Normal));
            submissions.Add(new Submitted(at, Input.Queue, 0, $"n{first}", [.. items]));
        }

        submissions.Sort((a, b) => a.At.CompareTo(b.At));

        // A message makes dozens of calls here. At the usual rate a process would crash in nearly every delivery, until none is left.
        var chances = plan.Chances.ToDictionary(chance => chance.Key, chance => chance.Key == Fault.Crash ? chance.Value * 0.02 : chance.Value);

        // Processes without the shared circuit breaker enqueue all items once more whenever one starts.
        var outages = plan.Outages.Select(outage => outage with { To = Min(outage.To, outage.From + MaxOutageOfMany) });
        return plan with
        {
            Submissions = submissions,
            Chances = chances,
            Outages = [.. outages],
            MaxSendsPerSecond = 50,
            Vaults = 1,
            Consumers = 16,
            MaxSteps = 20_000_000,
        };
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
