using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ContentSync.Tests.Infra;

/// <summary>Runs the smoke test script against an app with scripted responses.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class SmokeTestTests
{
    [ScriptFact("bash", "curl")]
    public async Task Succeeds_once_AlipayHK_has_acknowledged_the_item()
    {
        await using var app = await ScriptedApp.StartAsync(
            202, """{"contentId":"smoke-test","state":"pending"}""", """{"state": "Pending"}""",
            """{ "contentId": "smoke-test", "state": "Synchronized" }""");

        var run = await RunAsync(app.Address, key: "a key");

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Contains("synchronized smoke-test", run.Output, StringComparison.Ordinal);
        Assert.All(app.Keys, key => Assert.Equal("a key", key));
        Assert.Equal(3, app.Keys.Count);
    }

    [ScriptFact("bash", "curl")]
    public async Task Sends_the_given_item()
    {
        await using var app = await ScriptedApp.StartAsync(200, "{}", """{"state":"synchronized"}""");
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, """
            { "contentType": "SKU",
              "contentId": "sku-1", "contentStatus": 1, "contentInfo": {} }
            """);

        var run = await RunAsync(app.Address, item: file);

        File.Delete(file);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal("/api/content/sku-1", app.LastPath);
    }

    [ScriptTheory("bash", "curl")]
    [InlineData(401, "FUNCTION_KEY is missing or not this app's")]
    [InlineData(404, "no app is published")]
    [InlineData(400, "the item is invalid: why")]
    [InlineData(409, "a newer revision of smoke-test was accepted before")]
    [InlineData(422, "AlipayHK rejected the item: why")]
    [InlineData(500, "HTTP 500: why")]
    public async Task The_error_explains_the_status_code(int status, string expected)
    {
        await using var app = await ScriptedApp.StartAsync(status, "why");

        var run = await RunAsync(app.Address);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains(expected, run.Errors, StringComparison.Ordinal);
    }

    [ScriptFact("bash", "curl")]
    public async Task Fails_when_the_item_is_parked()
    {
        await using var app = await ScriptedApp.StartAsync(202, "{}", """{"state":"parked","parkReason":"rejected"}""");

        var run = await RunAsync(app.Address);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("smoke-test is parked: {\"state\":\"parked\",\"parkReason\":\"rejected\"}", run.Errors, StringComparison.Ordinal);
    }

    [ScriptFact("bash", "curl")]
    public async Task Fails_after_the_timeout()
    {
        await using var app = await ScriptedApp.StartAsync(202, "{}", """{"state":"pending"}""");

        var run = await RunAsync(app.Address, timeout: "0");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("was not acknowledged within 0 s", run.Errors, StringComparison.Ordinal);
    }

    [ScriptFact("bash", "curl")]
    public async Task Fails_without_a_response()
    {
        var app = await ScriptedApp.StartAsync(202, "{}");
        var address = app.Address;
        await app.DisposeAsync();

        var run = await RunAsync(address);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains($"no response from {address}", run.Errors, StringComparison.Ordinal);
    }

    [ScriptTheory("bash", "curl")]
    [InlineData("ftp://host")]
    [InlineData("http://host/api/content")]
    [InlineData("host")]
    public async Task Rejects_an_invalid_address(string address)
    {
        var run = await RunAsync(address);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("is not an address like", run.Errors, StringComparison.Ordinal);
    }

    [ScriptFact("bash", "curl")]
    public async Task Rejects_an_item_without_an_id()
    {
        var run = await RunAsync("http://localhost:1", item: "/dev/null");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("the item has no contentId", run.Errors, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string address, string? item = null, string key = "", string timeout = "30")
    {
        var start = new ProcessStartInfo("bash", [Path.Combine(InfrastructureFixture.Source, "smoke-test.sh"), address, .. item is null ? Array.Empty<string>() : [item]])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["FUNCTION_KEY"] = key;
        start.Environment["TIMEOUT"] = timeout;
        start.Environment["INTERVAL"] = "0.05";
        start.Environment["NO_PROXY"] = "*";

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await errors);
    }

    /// <summary>Returns a fixed response to POST and the next state to each GET; repeats the last state.</summary>
    private sealed class ScriptedApp : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private int _gets;

        private ScriptedApp(WebApplication app) => _app = app;

        public string Address => _app.Urls.Single();

        public List<string> Keys { get; } = [];

        public string LastPath { get; private set; } = "";

        public static async Task<ScriptedApp> StartAsync(int status, string response, params string[] states)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var app = new ScriptedApp(builder.Build());

            app._app.Run(context =>
            {
                app.Keys.Add(context.Request.Headers["x-functions-key"].ToString());
                app.LastPath = context.Request.Path;
                var isPost = HttpMethods.IsPost(context.Request.Method);
                context.Response.StatusCode = isPost ? status : 200;
                return context.Response.WriteAsync(isPost ? response : states[Math.Min(app._gets++, states.Length - 1)]);
            });

            await app._app.StartAsync();
            return app;
        }

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }
}
