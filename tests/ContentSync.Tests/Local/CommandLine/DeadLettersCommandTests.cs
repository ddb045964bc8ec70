using System.Text.Json;
using ContentSync.Http;
using ContentSync.Local;
using ContentSync.Local.CommandLine;
using ContentSync.Synchronization.Messages;
using ContentSync.Tests.Http;
using ContentSync.Tests.Local.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ContentSync.Tests.Local.CommandLine;

/// <summary>dead-letters against a host with dead-letter queues, served on loopback.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class DeadLettersCommandTests : IAsyncLifetime, IDisposable
{
    private readonly ApiHarness _api = new();
    private WebApplication _app = null!;

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        foreach (var route in ApiRoutes.All.Where(route => route.Handler == typeof(DeadLettersHandler)))
        {
            _app.MapMethods(route.Path, route.Methods, async (HttpContext context) =>
                await (await route.RespondAsync(_api.Services, context.Request, context.RequestAborted)).ExecuteAsync(context));
        }

        await _app.StartAsync();
        for (var number = 1; number <= 3; number++)
            _api.DeadLetters.Add(DeadLetterQueue.Content, number, number == 2 ? "Rejected" : "InvalidMessage", $"SKU-{number}", "CODE");
        _api.DeadLetters.Add(DeadLetterQueue.Resync, 1, "MaxDeliveryCountExceeded", "PACK");
    }

    public async Task DisposeAsync() => await _app.DisposeAsync();

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Lists_both_queues_and_says_what_to_do()
    {
        var (exit, output, _) = await RunAsync("list");
        Assert.Equal(ExitCodes.Done, exit);
        Assert.All(["SKU-1", "SKU-2", "PACK", "2 InvalidMessage:", "1 Rejected:"], text => Assert.Contains(text, output, StringComparison.Ordinal));

        (_, output, _) = await RunAsync("list", "--reason", "InvalidMessage", "--limit", "1", "--json");
        Assert.Equal("SKU-1", Assert.Single(JsonDocument.Parse(output).RootElement.GetProperty("items").EnumerateArray()).GetProperty("contentId").GetString());
        (_, output, _) = await RunAsync("list", "--queue", "content", "--limit", "2");
        Assert.Contains("There are more", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shows_the_body_of_a_message()
    {
        var (exit, output, _) = await RunAsync("show", "2");
        Assert.Equal(ExitCodes.Done, exit);
        Assert.Contains("奶茶", output, StringComparison.Ordinal);
        (exit, _, var error) = await RunAsync("show", "77");
        Assert.Equal(ExitCodes.Unusable, exit);
        Assert.Contains("has no message 77", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resubmits_by_number_and_discards_by_reason_after_counting()
    {
        var (exit, output, _) = await RunAsync("resubmit", "3", "1");
        Assert.Equal(ExitCodes.Done, exit);
        Assert.Contains("2 messages of 2 resubmitted", output, StringComparison.Ordinal);
        (exit, output, _) = await RunAsync("discard", "--reason", "Rejected", "--dry-run");
        Assert.Equal(ExitCodes.Done, exit);
        Assert.Contains("1 message would be discarded", output, StringComparison.Ordinal);
        await RunAsync("discard", "--reason", "Rejected");
        Assert.Equal(
            [(DeadLetterQueue.Content, 1L, DeadLetterAction.Resubmit), (DeadLetterQueue.Content, 3L, DeadLetterAction.Resubmit), (DeadLetterQueue.Content, 2L, DeadLetterAction.Discard)],
            _api.DeadLetters.Settled);
    }

    [Fact]
    public async Task Resubmits_thousands_in_several_calls_and_reports_what_another_caller_holds()
    {
        for (var number = 100; number < 2_300; number++) _api.DeadLetters.Add(DeadLetterQueue.Content, number, "TTLExpiredException", "SKU");
        _api.DeadLetters.Held.Add(2_200);
        var (exit, output, _) = await RunAsync("resubmit", "--reason", "TTLExpiredException", "--json");
        Assert.Equal(ExitCodes.SomeFailed, exit);
        Assert.Equal(2_199, JsonDocument.Parse(output).RootElement.GetProperty("done").GetInt32());
    }

    [Theory]
    [InlineData("resubmit")]
    [InlineData("discard", "--queue", "orders", "--all")]
    [InlineData("show", "first")]
    [InlineData("list", "--limit", "0")]
    public async Task Refuses_wrong_usage_in_a_sentence(params string[] args)
    {
        var (exit, _, error) = await RunAsync(args);
        Assert.Equal(ExitCodes.Unusable, exit);
        Assert.DoesNotContain("System.", error, StringComparison.Ordinal);
        Assert.NotEmpty(error);
        Assert.Empty(_api.DeadLetters.Settled);
    }

    [Fact]
    public async Task The_help_of_a_wrong_option_is_that_of_the_command_below_dead_letters()
    {
        var (_, _, error) = await RunAsync("list", "--limit", "0");
        Assert.Contains("contentsync dead-letters list --help", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Says_that_the_local_host_and_its_folder_have_none()
    {
        var (exit, _, error) = await RunAtAsync(["--data", "."], "list");
        Assert.Equal(ExitCodes.Unusable, exit);
        Assert.Contains("list --state parked", error, StringComparison.Ordinal);
        await using var host = await RunningHost.StartAsync();
        (exit, _, error) = await RunAtAsync(["--host", host.Address.ToString()], "list");
        Assert.Equal(ExitCodes.Unusable, exit);
        Assert.Contains("This host has no dead-letter queue", error, StringComparison.Ordinal);
    }

    private Task<(int Exit, string Output, string Error)> RunAsync(params string[] args) => RunAtAsync(["--host", _app.Urls.Single()], args);

    private static async Task<(int Exit, string Output, string Error)> RunAtAsync(string[] where, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exit = await CommandLineProgram.RunAsync(["dead-letters", .. args, .. where], output, error, CancellationToken.None);
        return (exit, output.ToString(), error.ToString());
    }
}
