using System.Globalization;
using System.Text.Json;
using Azure.Messaging.ServiceBus;

namespace ContentSync.Tests.ServiceBus;

/// <summary>Processor options from the section <c>serviceBus</c> of host.json, as the Functions host applies them to each trigger.</summary>
internal static class HostJson
{
    public static ServiceBusProcessorOptions Processor()
    {
        var section = Section();
        return new ServiceBusProcessorOptions
        {
            AutoCompleteMessages = section.GetProperty("autoCompleteMessages").GetBoolean(),
            PrefetchCount = section.GetProperty("prefetchCount").GetInt32(),
            MaxConcurrentCalls = section.GetProperty("maxConcurrentCalls").GetInt32(),
            MaxAutoLockRenewalDuration = Duration(section, "maxAutoLockRenewalDuration"),
        };
    }

    public static ServiceBusSessionProcessorOptions SessionProcessor()
    {
        var section = Section();
        return new ServiceBusSessionProcessorOptions
        {
            AutoCompleteMessages = section.GetProperty("autoCompleteMessages").GetBoolean(),
            PrefetchCount = section.GetProperty("prefetchCount").GetInt32(),
            MaxConcurrentSessions = section.GetProperty("maxConcurrentSessions").GetInt32(),
            MaxConcurrentCallsPerSession = 1,
            MaxAutoLockRenewalDuration = Duration(section, "maxAutoLockRenewalDuration"),
            SessionIdleTimeout = Duration(section, "sessionIdleTimeout"),
        };
    }

    private static JsonElement Section()
    {
        using var file = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "host.json")));
        return file.RootElement.GetProperty("extensions").GetProperty("serviceBus").Clone();
    }

    private static TimeSpan Duration(JsonElement section, string name) =>
        TimeSpan.Parse(section.GetProperty(name).GetString()!, CultureInfo.InvariantCulture);
}
