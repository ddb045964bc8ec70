using System.Text.Json;
using ContentSync.Http;

namespace ContentSync.Tests.Functions;

/// <summary>What the worker SDK generated for the host is what library, infrastructure and documentation say.</summary>
public sealed class FunctionsMetadataTests
{
    private static readonly Dictionary<string, JsonElement> Functions = JsonDocument
        .Parse(File.ReadAllBytes(Path.Combine(FunctionsApp.Folder, "functions.metadata"))).RootElement.EnumerateArray()
        .ToDictionary(function => function.GetProperty("name").GetString()!, StringComparer.Ordinal);

    [Fact]
    public void Each_route_of_the_library_has_its_function_and_there_is_no_other()
    {
        var expected = ApiRoutes.All.Select(route => (
            route.Name, Method: route.Method.ToLowerInvariant(), route.Path, Level: route.Access == ApiAccess.Key ? "Function" : "Anonymous"));
        var actual = Triggers("httpTrigger").Select(function => (
            function.Name,
            Method: Assert.Single(function.Binding.GetProperty("methods").EnumerateArray()).GetString()!,
            Path: "/api/" + function.Binding.GetProperty("route").GetString(),
            Level: function.Binding.GetProperty("authLevel").GetString()!));
        Assert.Equal(expected.Order(), actual.Order());
    }

    [Fact]
    public void The_API_that_the_README_lists_has_a_function_for_each_call()
    {
        var readme = FunctionsApp.Read("README.md");
        Assert.All(Triggers("httpTrigger"), function => Assert.Contains("/api/" + function.Binding.GetProperty("route").GetString()!.Split("/{file")[0], readme, StringComparison.Ordinal));
        Assert.All(Triggers("timerTrigger").Concat(Triggers("serviceBusTrigger")), function => Assert.Contains($"| {function.Name} |", readme, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("ProcessContentMessage", "%Queues:Content%", false)]
    [InlineData("ProcessResyncPack", "%Queues:Resync%", true)]
    public void A_queue_is_read_one_message_at_a_time_and_settled_by_the_app(string function, string queue, bool sessions)
    {
        var binding = Assert.Single(Triggers("serviceBusTrigger"), trigger => trigger.Name == function).Binding;
        Assert.Equal((queue, "ServiceBus", "One"), (Text(binding, "queueName"), Text(binding, "connection"), Text(binding, "cardinality")));
        Assert.False(binding.GetProperty("autoCompleteMessages").GetBoolean());
        Assert.Equal(sessions, binding.TryGetProperty("isSessionsEnabled", out var enabled) && enabled.GetBoolean());
        Assert.Equal("True", Text(binding.GetProperty("properties"), "supportsDeferredBinding"));

        var bicep = FunctionsApp.Read("infra/modules/serviceBus.bicep");
        var declared = bicep[bicep.IndexOf($"name: {(sessions ? "resync" : "content")}QueueName", StringComparison.Ordinal)..];
        Assert.StartsWith($"requiresSession: {(sessions ? "true" : "false")}", declared[declared.IndexOf("requiresSession", StringComparison.Ordinal)..], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ScheduleResync", "%Schedules:Resync%")]
    [InlineData("SweepPending", "%Schedules:Sweep%")]
    public void A_timer_runs_on_the_schedule_of_its_setting(string function, string schedule) =>
        Assert.Equal(schedule, Text(Assert.Single(Triggers("timerTrigger"), trigger => trigger.Name == function).Binding, "schedule"));

    [Fact]
    public void Every_setting_that_a_trigger_names_is_written_by_infrastructure_the_sample_and_the_README()
    {
        var bicep = FunctionsApp.Read("infra/modules/functionApp.bicep");
        var sample = FunctionsApp.Read("local.settings.sample.json");
        var readme = FunctionsApp.Read("README.md");
        var settings = Triggers("serviceBusTrigger").Select(trigger => Text(trigger.Binding, "queueName"))
            .Concat(Triggers("timerTrigger").Select(trigger => Text(trigger.Binding, "schedule")))
            .Select(expression => expression.Trim('%').Replace(":", "__", StringComparison.Ordinal))
            .ToArray();
        Assert.Equal(4, settings.Length);
        Assert.All(settings, setting => Assert.All([bicep, sample, readme], text => Assert.Contains(setting, text, StringComparison.Ordinal)));
    }

    [Fact]
    public void The_host_is_told_to_start_this_app_with_dotnet()
    {
        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(FunctionsApp.Folder, "worker.config.json")));
        var description = config.RootElement.GetProperty("description");
        Assert.Equal("dotnet", Text(description, "defaultExecutablePath"));
        Assert.Equal("ContentSync.Functions.dll", Path.GetFileName(Text(description, "defaultWorkerPath")));
        Assert.True(File.Exists(Path.Combine(FunctionsApp.Folder, "host.json")));
    }

    private static IEnumerable<(string Name, JsonElement Binding)> Triggers(string type) =>
        from function in Functions
        from binding in function.Value.GetProperty("bindings").EnumerateArray()
        where Text(binding, "type") == type
        select (function.Key, binding);

    private static string Text(JsonElement element, string member) => element.GetProperty(member).GetString()!;
}
