using System.Text;
using System.Text.Json;
using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Diagnostics.Trends;
using ContentSync.Http;
using ContentSync.Http.Webhooks;
using ContentSync.Ledger;
using ContentSync.Mapping;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;
using ContentSync.Tests.AlipayHk;
using ContentSync.Tests.Budget;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.Ledger;
using ContentSync.Tests.Resync;
using ContentSync.Tests.Sqlite;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Http;

/// <summary>The API without a server: each call goes to the handler of its route, with an in-memory ledger and a fake AlipayHK.</summary>
internal sealed class ApiHarness : IDisposable
{
    public const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private readonly ServiceProvider _services;
    private readonly AlipayHkClient _client;
    private readonly ResyncRunner _runner;
    private readonly TemporaryFolder _folder = new();

    public ApiHarness(
        WebhookOptions? webhook = null,
        bool hasCatalog = true,
        ContentOptions? content = null,
        IEntraKeys? entraKeys = null,
        IMappingStore? mappings = null,
        ITrendStore? trends = null)
    {
        AlipayHk.Options.ImmediateRetries = 0;
        AlipayHk.Always = (_, _) => Task.FromResult(AlipayHk.Signed(FakeAlipayHk.SuccessJson));
        _client = AlipayHk.Client();
        Ledger = new MemoryLedger(Time);
        Catalog = new TestCatalog(Time);
        var services = TestServices.With(Time);
        if (entraKeys is not null) services.AddSingleton(entraKeys);
        if (mappings is not null) services.AddSingleton(mappings);
        if (trends is not null) services.AddSingleton(trends);
        _services = services
            .AddSingleton(_client)
            .AddSingleton<ISyncLedger>(Ledger)
            .AddSingleton<ISendStateStore>(new MemorySendStateStore(Time))
            .AddSingleton(SendBudget.Whole(new SendBudgetOptions(1e9), Time))
            .AddSingleton<ISyncQueue>(Queue)
            .AddSingleton<IDeadLetters>(DeadLetters)
            .AddSingleton<IResyncStore>(Store)
            .AddSingleton<IPackLanes, InProcessLanes>()
            .AddSingleton<IResyncScheduler>(Scheduler)
            .AddSingleton(new ResyncSources(hasCatalog ? Catalog : null))
            .AddContentSync(new ContentSyncOptions
            {
                AlipayHk = AlipayHk.Options,
                Content = content ?? new ContentOptions(),
                Recoverability = new RecoverabilityOptions { BreakerThreshold = 1_000 },
                Resync = new ResyncOptions { SendsPerSecond = 0 },
                Api = new ApiOptions { ContinuationSecret = "a secret of these tests" },
                Webhook = webhook ?? new WebhookOptions { Secrets = { Secret } },
                PlanFolder = _folder.File("plans"),
            })
            .BuildServiceProvider();
        CircuitBreaker = _services.GetRequiredService<CircuitBreaker>();
        Synchronizer = _services.GetRequiredService<ContentSynchronizer>();
        Sources = _services.GetRequiredService<ResyncSources>();
        Resyncs = _services.GetRequiredService<ResyncRuns>();
        _runner = _services.GetRequiredService<ResyncRunner>();
    }

    public FakeAlipayHk AlipayHk { get; } = new();

    public FakeTimeProvider Time => AlipayHk.Time;

    public MemoryLedger Ledger { get; }

    public RecordingQueue Queue { get; } = new();

    public MemoryDeadLetters DeadLetters { get; } = new();

    public CircuitBreaker CircuitBreaker { get; }

    public ContentSynchronizer Synchronizer { get; }

    /// <summary>The configured catalog, empty at first. Its snapshots are always written at the current time.</summary>
    public TestCatalog Catalog { get; }

    public ResyncSources Sources { get; }

    public MemoryResyncStore Store { get; } = new();

    /// <summary>Only records runs; a test executes them with <see cref="ContinueRunAsync"/>.</summary>
    public RecordingScheduler Scheduler { get; } = new();

    public ResyncRuns Resyncs { get; }

    public IServiceProvider Services => _services;

    /// <summary>Continues the run of a source that is in progress, as the host's loop would.</summary>
    public Task ContinueRunAsync(ICatalogSource source) => _runner.ContinueAsync(source, Timeout.InfiniteTimeSpan, CancellationToken.None);

    public void Dispose()
    {
        _services.Dispose();
        _client.Dispose();
        _folder.Dispose();
    }

    public Task<ApiResponse> GetAsync(string target) => SendAsync("GET", target, null);

    public Task<ApiResponse> PostAsync(
        string target, string body, string contentType = "application/json", params (string Name, string Value)[] headers) =>
        SendAsync("POST", target, Encoding.UTF8.GetBytes(body), [("Content-Type", contentType), .. headers]);

    /// <summary>Calls the route of a method and target, and checks the response against the API description.</summary>
    /// <param name="method">HTTP method.</param>
    /// <param name="target">Escaped path and query.</param>
    /// <param name="body">Null for an empty body.</param>
    /// <param name="headers">Request headers.</param>
    public async Task<ApiResponse> SendAsync(string method, string target, byte[]? body, params (string Name, string Value)[] headers)
    {
        var (path, query) = target.Split('?', 2) is [var before, var after] ? (before, after) : (target, "");
        var context = new DefaultHttpContext { RequestServices = _services };
        context.Request.Method = method;
        context.Request.Query = new QueryCollection(QueryHelpers.ParseQuery(query));
        context.Request.Body = new MemoryStream(body ?? []);
        foreach (var (name, value) in headers) context.Request.Headers.Append(name, value);
        context.Response.Body = new MemoryStream();
        var route = ApiRoutes.All.First(route => route.Method == method && Matches(route.Path, path, context.Request));
        var result = await route.RespondAsync(_services, context.Request, CancellationToken.None);
        await result.ExecuteAsync(context);
        var text = Encoding.UTF8.GetString(((MemoryStream)context.Response.Body).ToArray());
        ApiDescription.Check(route, context.Response.StatusCode, context.Response.ContentType, text);
        return new ApiResponse(context.Response.StatusCode, text, context.Response.Headers);
    }

    /// <summary>Submits an item that AlipayHK rejects, so that it is parked.</summary>
    public async Task ParkAsync(string contentId, string code = "CONTENT_RISKY", string message = "rejected")
    {
        var before = AlipayHk.Always;
        AlipayHk.Always = (_, _) => Task.FromResult(AlipayHk.Signed(FakeAlipayHk.Result(code, "F", message)));
        Assert.Equal(422, (await PostAsync("/api/content", Item(contentId))).Status);
        AlipayHk.Always = before;
    }

    public static string Item(string contentId, string name = "奶茶", string type = "SKU", string more = "")
    {
        var (idJson, nameJson) = (JsonSerializer.Serialize(contentId), JsonSerializer.Serialize(name));
        return $$"""{"contentId":{{idJson}},"contentType":"{{type}}","contentStatus":1,"contentInfo":{"name":{{nameJson}}}{{more}}}""";
    }

    // The table lists literal routes before templates, the order of precedence that a server applies.
    private static bool Matches(string template, string path, HttpRequest request)
    {
        var (expected, actual) = (template.Split('/'), path.Split('/'));
        if (expected.Length != actual.Length) return false;
        for (var i = 0; i < expected.Length; i++)
        {
            if (expected[i].StartsWith('{'))
                request.RouteValues[expected[i].Trim('{', '}')] = Uri.UnescapeDataString(actual[i].Replace("%2F", "%252F", StringComparison.Ordinal));
            else if (expected[i] != actual[i])
                return false;
        }

        return true;
    }
}

/// <summary>A response of the API.</summary>
internal sealed record ApiResponse(int Status, string Text, IHeaderDictionary Headers)
{
    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    public string Detail => Json.GetProperty("detail").GetString()!;

    public string Title => Json.GetProperty("title").GetString()!;

    public string Outcome(int index) => Json.GetProperty("items")[index].GetProperty("outcome").GetString()!;
}

/// <summary>Records enqueued messages, and can be made unavailable.</summary>
internal sealed class RecordingQueue : ISyncQueue
{
    public List<SyncMessage> Messages { get; } = [];

    public bool IsUnavailable { get; set; }

    public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
    {
        if (IsUnavailable) throw new QueueUnavailableException("Not there.");
        Messages.AddRange(messages);
        return ValueTask.CompletedTask;
    }
}

/// <summary>A catalog with a text that tests can change.</summary>
internal sealed class TestCatalog(TimeProvider time) : ICatalogSource
{
    public string Name => "the catalog";

    public string Text { get; set; } = "";

    public ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken) =>
        new TestSnapshot(Text, time.GetUtcNow()).FindNewestAsync(cancellationToken);
}

/// <summary>Records scheduled runs, and can be made unavailable.</summary>
internal sealed class RecordingScheduler : IResyncScheduler
{
    public List<ResyncRun> Scheduled { get; } = [];

    public bool IsUnavailable { get; set; }

    public ValueTask ScheduleAsync(ResyncRun run, CancellationToken cancellationToken)
    {
        if (IsUnavailable) throw new QueueUnavailableException("Not there.");
        Scheduled.Add(run);
        return ValueTask.CompletedTask;
    }
}
