using System.Xml;

namespace ContentSync.Tests.Infra.Rules;

/// <summary>The broker neither loses a message nor keeps one in a loop.</summary>
internal static class QueueRules
{
    private const string Namespaces = "Microsoft.ServiceBus/namespaces";
    private const string Queues = "Microsoft.ServiceBus/namespaces/queues";

    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        new("two-queues", "There are the two queues that the settings name, and no other.",
            TwoQueues, Demand.SetSetting("Queues__Resync", "resync")),
        new("duplicate-detection", "Both queues drop duplicates.",
            infrastructure => Demand.Each(infrastructure, Queues, "properties.requiresDuplicateDetection", true),
            Demand.Set(Queues, "properties.requiresDuplicateDetection", false)),
        new("sessions-for-lanes", "The resync queue has sessions, one for each lane; the other has none.",
            SessionsForLanes, infrastructure => infrastructure.Small.The(Queues, "/content-resync")["properties.requiresSession"] = false),
        new("lock-outlives-an-item", "A lock is longer than an item may take (a minute) and no longer than the broker allows (five).",
            infrastructure => Demand.Each(infrastructure, Queues, "properties.lockDuration", text => IsBetween(text, TimeSpan.FromMinutes(1.1), TimeSpan.FromMinutes(5)), "1 to 5 minutes"),
            Demand.Set(Queues, "properties.lockDuration", "PT30S")),
        new("expired-messages-are-kept", "An expired message is dead-lettered, not dropped.",
            infrastructure => Demand.Each(infrastructure, Queues, "properties.deadLetteringOnMessageExpiration", true),
            Demand.Set(Queues, "properties.deadLetteringOnMessageExpiration", false)),
        new("delivery-count", "A message that crashes the app is dead-lettered after 5 to 20 deliveries.",
            infrastructure => Demand.Each(infrastructure, Queues, "properties.maxDeliveryCount", text => int.TryParse(text, out var count) && count is >= 5 and <= 20, "5 to 20"),
            Demand.Set(Queues, "properties.maxDeliveryCount", 1)),
        new("messages-live-long-enough", "A message lives at least two days.",
            infrastructure => Demand.Each(infrastructure, Queues, "properties.defaultMessageTimeToLive", text => IsBetween(text, TimeSpan.FromDays(2), TimeSpan.FromDays(90)), "2 to 90 days"),
            Demand.Set(Queues, "properties.defaultMessageTimeToLive", "PT1H")),
        new("no-partitioned-queues", "No queue is partitioned: order within a lane would be lost to no gain.",
            infrastructure => Demand.Each(infrastructure, Queues, "properties.enablePartitioning", false),
            Demand.Set(Queues, "properties.enablePartitioning", true)),
        new("service-bus-tls", "Service Bus takes TLS 1.2 or later.",
            infrastructure => Demand.Each(infrastructure, Namespaces, "properties.minimumTlsVersion", text => text is "1.2" or "1.3", "1.2"),
            Demand.Set(Namespaces, "properties.minimumTlsVersion", "1.0")),
        new("connection-named-as-bound", "The connection setting is the one that the functions bind to.",
            infrastructure => Demand.Setting(infrastructure, "ServiceBus__fullyQualifiedNamespace", value => value?.Contains(".serviceBusEndpoint", StringComparison.Ordinal) == true),
            Demand.SetSetting("ServiceBus__fullyQualifiedNamespace", null)),
    ];

    private static IEnumerable<string> TwoQueues(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let queues = effect.Of(Queues).Select(queue => queue.ShortName).Order().ToArray()
        let named = new[] { effect.Setting("Queues__Content"), effect.Setting("Queues__Resync") }.Order().ToArray()
        where !queues.SequenceEqual(named)
        select $"{effect.Name} has {string.Join(", ", queues)}; the settings name {string.Join(", ", named)}.";

    private static IEnumerable<string> SessionsForLanes(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from queue in effect.Of(Queues)
        let sessions = queue.Text("properties.requiresSession") == "true"
        where sessions != (queue.ShortName == effect.Setting("Queues__Resync"))
        select $"{queue} has {(sessions ? "" : "no ")}sessions.";

    private static bool IsBetween(string? duration, TimeSpan least, TimeSpan most) =>
        duration is not null && XmlConvert.ToTimeSpan(duration) is var span && span >= least && span <= most;
}
