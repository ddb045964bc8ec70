using System.Text.Json.Nodes;
using System.Xml;
using ContentSync.AlipayHk;
using ContentSync.Functions;
using ContentSync.Synchronization;

namespace ContentSync.Tests.Infra.Rules;

/// <summary>The broker neither loses messages nor redelivers them forever.</summary>
internal static class QueueRules
{
    private const string Namespaces = "Microsoft.ServiceBus/namespaces";
    private const string Queues = "Microsoft.ServiceBus/namespaces/queues";

    private static readonly TimeSpan s_attempt = new RecoverabilityOptions().LeaseDuration + new AlipayHkOptions().TotalTimeout;

    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        new("two-queues", "There are exactly the two queues that the settings name.",
            TwoQueues, Demand.SetSetting("ResyncQueue", "resync")),
        new("duplicate-detection", "Both queues detect duplicates.",
            infrastructure => Demand.Each(infrastructure, Queues, "properties.requiresDuplicateDetection", true),
            Demand.Set(Queues, "properties.requiresDuplicateDetection", false)),
        new("sessions-for-lanes", "The resync queue has sessions, one for each lane; the other has none.",
            SessionsForLanes, infrastructure => infrastructure.Small.The(Queues, "/content-resync")["properties.requiresSession"] = false),
        new("lock-outlives-an-item", "A lock lasts longer than a lease and an attempt together, and at most the 5 minutes that the broker allows.",
            infrastructure =>
                Demand.Each(infrastructure, Queues, "properties.lockDuration", text =>
                IsBetween(text, s_attempt, TimeSpan.FromMinutes(5)), $"{s_attempt} to 5 minutes"),
            Demand.Set(Queues, "properties.lockDuration", "PT1M")),
        new("duplicates-outlast-two-sweeps",
            "A queue remembers message ids for two sweeps, so that a second sweep does not enqueue a waiting item twice.",
            DuplicatesOutlastTwoSweeps, Demand.Set(Queues, "properties.duplicateDetectionHistoryTimeWindow", "PT5M")),
        new("duplicates-forgotten-before-the-sweep", "A queue forgets a message id before the sweep enqueues the same one again.",
            infrastructure =>
                Demand.Each(infrastructure, Queues, "properties.duplicateDetectionHistoryTimeWindow", text =>
                IsBetween(text, TimeSpan.Zero, SweepPending.Grace - TimeSpan.FromMinutes(1)), "less than the grace of the sweep"),
            Demand.Set(Queues, "properties.duplicateDetectionHistoryTimeWindow", "PT15M")),
        new("content-outlives-its-retries", "A message on the content queue outlives all retries of its item, including the max delay.",
            ContentOutlivesItsRetries, infrastructure => infrastructure.Small.The(Queues, "/content")["properties.defaultMessageTimeToLive"] = "P3D"),
        new("lane-lock-outlives-its-packs", "The host renews the lock of a lane for as long as a message of the resync queue lives.",
            LaneLockOutlivesItsPacks, infrastructure =>
                infrastructure.Production.The(Queues, "/content-resync")["properties.defaultMessageTimeToLive"] = "P7D"),
        new("expired-messages-are-kept", "An expired message is dead-lettered, not dropped.",
            infrastructure => Demand.Each(infrastructure, Queues, "properties.deadLetteringOnMessageExpiration", true),
            Demand.Set(Queues, "properties.deadLetteringOnMessageExpiration", false)),
        new("delivery-count", "A message that crashes the app is dead-lettered after 5 to 20 deliveries.",
            infrastructure => Demand.Each(infrastructure, Queues, "properties.maxDeliveryCount", text => int.TryParse(text, out var count) && count is >= 5 and <= 20, "5 to 20"),
            Demand.Set(Queues, "properties.maxDeliveryCount", 1)),
        new("messages-live-long-enough", "A message lives at least two days.",
            infrastructure => Demand.Each(infrastructure, Queues, "properties.defaultMessageTimeToLive", text => IsBetween(text, TimeSpan.FromDays(2), TimeSpan.FromDays(90)), "2 to 90 days"),
            Demand.Set(Queues, "properties.defaultMessageTimeToLive", "PT1H")),
        new("no-partitioned-queues", "No queue is partitioned: it would lose the order within a lane for no benefit.",
            infrastructure => Demand.Each(infrastructure, Queues, "properties.enablePartitioning", false),
            Demand.Set(Queues, "properties.enablePartitioning", true)),
        new("service-bus-tls", "Service Bus requires TLS 1.2 or later.",
            infrastructure => Demand.Each(infrastructure, Namespaces, "properties.minimumTlsVersion", text => text is "1.2" or "1.3", "1.2"),
            Demand.Set(Namespaces, "properties.minimumTlsVersion", "1.0")),
        new("connection-named-as-bound", "The connection setting is the one that the functions bind to.",
            infrastructure => Demand.Setting(infrastructure, "ServiceBus__fullyQualifiedNamespace", value => value?.Contains(".serviceBusEndpoint", StringComparison.Ordinal) == true),
            Demand.SetSetting("ServiceBus__fullyQualifiedNamespace", null)),
    ];

    private static IEnumerable<string> TwoQueues(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let queues = effect.Of(Queues).Select(queue => queue.ShortName).Order().ToArray()
        let named = new[] { effect.Setting("ContentQueue"), effect.Setting("ResyncQueue") }.Order().ToArray()
        where !queues.SequenceEqual(named)
        select $"{effect.Name} has {string.Join(", ", queues)}; the settings name {string.Join(", ", named)}.";

    private static IEnumerable<string> SessionsForLanes(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from queue in effect.Of(Queues)
        let sessions = queue.Text("properties.requiresSession") == "true"
        where sessions != (queue.ShortName == effect.Setting("ResyncQueue"))
        select $"{queue} has {(sessions ? "" : "no ")}sessions.";

    private static IEnumerable<string> DuplicatesOutlastTwoSweeps(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from queue in effect.Of(Queues)
        let window = queue.Text("properties.duplicateDetectionHistoryTimeWindow")
        where AppRules.SweepMinutes(effect) is not { } minutes || !IsBetween(window, TimeSpan.FromMinutes(2 * minutes), TimeSpan.FromDays(7))
        select $"{queue} remembers ids for {window}.";

    private static IEnumerable<string> ContentOutlivesItsRetries(Infrastructure infrastructure)
    {
        var options = new RecoverabilityOptions();
        var max = options.MaxAge + options.BackOff.Max();
        return
            from effect in infrastructure.Effects
            let queue = effect.The(Queues, $"/{effect.Setting("ContentQueue")}")
            let lifetime = queue.Text("properties.defaultMessageTimeToLive")
            where !IsBetween(lifetime, max, TimeSpan.FromDays(90))
            select $"{queue} keeps a message for {lifetime}; an item is retried for up to {max}.";
    }

    private static IEnumerable<string> LaneLockOutlivesItsPacks(Infrastructure infrastructure)
    {
        var host = JsonNode.Parse(File.ReadAllText(Path.Combine(BicepCompiler.RepositoryRoot, "host.json")))!;
        var renewal =
            TimeSpan.Parse((string)host["extensions"]!["serviceBus"]!["maxAutoLockRenewalDuration"]!,
            System.Globalization.CultureInfo.InvariantCulture);
        return
            from effect in infrastructure.Effects
            let queue = effect.The(Queues, $"/{effect.Setting("ResyncQueue")}")
            where XmlConvert.ToTimeSpan(queue.Text("properties.defaultMessageTimeToLive")!) > renewal
            select $"{queue} keeps a message longer than the {renewal} for which host.json renews a lock.";
    }

    private static bool IsBetween(string? duration, TimeSpan min, TimeSpan max) =>
        duration is not null && XmlConvert.ToTimeSpan(duration) is var span && span >= min && span <= max;
}
