using ContentSync.Tests.Diagnostics;
using ContentSync.Tests.FunctionsSdk;

namespace ContentSync.Tests.Functions;

/// <summary>
/// Plants a canary in queue messages, and looks for it in logs, metrics, traces, and what a dead letter says of itself. The id of a message
/// and the name of an unknown member may be there: they are needed to mend the message.
/// </summary>
public sealed class QueueCanaryTests : IAsyncDisposable
{
    private static readonly string[] Canaries =
    [
        "CanaryItem", "CanaryRisky guaranteed profit", "CanaryArray", "CanaryTooDeep", "CanaryBroken", "CanaryExtra", "CanaryProperty",
    ];

    private readonly CapturedTelemetry _telemetry = new();
    private readonly List<string> _letters = [];

    public ValueTask DisposeAsync()
    {
        _telemetry.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task No_canary_of_a_message_shows_up_in_logs_telemetry_or_the_reason_of_a_dead_letter()
    {
        await using var host = await TestHost.StartAsync();
        await DeliverAsync(host, TestHost.Item("A", "CanaryItem"));
        await DeliverAsync(host, TestHost.Item("B", "CanaryRisky guaranteed profit"));
        await DeliverAsync(host, $"[{TestHost.Item("C", "CanaryArray")},{TestHost.Item("D", "CanaryArray")},{{\"unknown\":\"CanaryBroken\"}}]");
        await DeliverAsync(host, TestHost.Item("E", "CanaryItem", ",\"unknown\":\"CanaryExtra\""));
        await DeliverAsync(host, Deep("F", "CanaryTooDeep"));
        await DeliverAsync(host, """{"contentId":"G","contentInfo":{"name":CanaryBroken}}""");
        await DeliverAsync(host, """{"contentId":"H","contentType":"SKU","contentStatus":1,"contentInfo":"CanaryBroken"}""");
        await DeliverAsync(host, """{"contentId":"I","contentType":"SKU","contentStatus":1,"contentInfo":{"a":1,"a":"CanaryBroken"}}""");
        await DeliverAsync(host, "CanaryBroken");
        await DeliverAsync(host, "");
        host.Gateway.Faults = ContentSync.Simulator.GatewayFaults.Parse("error=1:503");
        await DeliverAsync(host, TestHost.Item("J", "CanaryItem"));

        // A test that finds nothing because nothing was captured would prove nothing.
        Assert.Contains(host.Logged, line => line.Contains('B', StringComparison.Ordinal));
        Assert.Contains(_telemetry.Lines, line => line.Contains("contentsync.outcomes", StringComparison.Ordinal));
        Assert.Contains(_telemetry.Lines, line => line.Contains("synchronize content", StringComparison.Ordinal));
        Assert.Contains(_letters, letter => letter.Contains("contentInfo", StringComparison.Ordinal));
        Assert.Empty(
            from line in host.Logged.Concat(_telemetry.Lines).Concat(_letters)
            from canary in Canaries
            where Canary.IsIn(line, canary)
            select $"{canary}: {Canary.Around(line, canary)}");
    }

    private async Task DeliverAsync(TestHost host, string body)
    {
        var actions = new RecordingMessageActions();
        var properties = new Dictionary<string, object> { ["CanaryProperty"] = "CanaryProperty" };
        await host.DeliverAsync(body, properties, "message-1", actions: actions);
        _letters.Add($"{actions.Reason} {actions.Description} {string.Join(' ', actions.Properties)}");
    }

    private static string Deep(string contentId, string name) =>
        $$"""{"contentId":"{{contentId}}","contentType":"SKU","contentStatus":1,"contentInfo":{{Nested(name, 70)}}}""";

    private static string Nested(string name, int depth) =>
        string.Concat(Enumerable.Repeat("""{"name":""", depth)) + $"\"{name}\"" + new string('}', depth);
}
