using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ContentSync.Tests.Infra;

/// <summary>Runs the health check script against an app with scripted responses.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class CheckHealthTests
{
    [ScriptFact("bash", "curl")]
    public async Task Waits_until_the_app_is_healthy()
    {
        var calls = 0;
        await using var app = await StartAsync(() => ++calls < 3 ? 503 : 200);

        var run = await RunAsync(app.Urls.Single());

        Assert.Equal((0, $"healthy: {app.Urls.Single()}\n", ""), run);
        Assert.Equal(3, calls);
    }

    [ScriptFact("bash", "curl")]
    public async Task Fails_with_the_last_response_of_an_app_that_does_not_start()
    {
        await using var app = await StartAsync(() => 503);

        var run = await RunAsync(app.Urls.Single(), timeout: "0");

        Assert.Equal((1, ""), (run.ExitCode, run.Output));
        Assert.Contains("is not healthy within 0 s (HTTP 503: starting)", run.Errors, StringComparison.Ordinal);
    }

    [ScriptFact("bash", "curl")]
    public async Task Fails_without_a_response()
    {
        var app = await StartAsync(() => 200);
        var address = app.Urls.Single();
        await app.DisposeAsync();

        var run = await RunAsync(address, timeout: "0");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("(no response)", run.Errors, StringComparison.Ordinal);
    }

    [ScriptFact("bash", "curl")]
    public async Task Rejects_an_invalid_address()
    {
        var run = await RunAsync("host");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("is not an address like", run.Errors, StringComparison.Ordinal);
    }

    private static async Task<WebApplication> StartAsync(Func<int> status)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(context =>
        {
            context.Response.StatusCode = context.Request.Path == "/api/health" ? status() : 404;
            return context.Response.WriteAsync("starting");
        });
        await app.StartAsync();
        return app;
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string address, string timeout = "60")
    {
        var start = new ProcessStartInfo("bash", [Path.Combine(InfrastructureFixture.Source, "check-health.sh"), address])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["TIMEOUT"] = timeout;
        start.Environment["INTERVAL"] = "0.05";
        start.Environment["NO_PROXY"] = "*";

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await errors);
    }
}
