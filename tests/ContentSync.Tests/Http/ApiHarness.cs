using System.Text;
using System.Text.Json;
using ContentSync.AlipayHk;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Http;
using ContentSync.Http.Webhooks;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Synchronization;
using ContentSync.Tests.AlipayHk;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.Ledger;
using ContentSync.Tests.Local.Storage;
using ContentSync.Tests.Resync;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Http;

/// <summary>The API without a server: each call goes to the handler that its route names, with a ledger in memory and a fake AlipayHK.</summary>
internal sealed class ApiHarness : IDisposable
{
    public const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private readonly ServiceProvider _services;
    private readonly AlipayHkClient _client;
    private readonly ResyncRunner _runner;
    private readonly TemporaryFolder _folder = new();

    public ApiHarness(WebhookOptions? webhook = null, bool hasCatalog = true)
    {
        AlipayHk.Options.ImmediateRetries = 0;
        AlipayHk.Always = (_, _) => Task.FromResult(AlipayHk.Signed(FakeAlipayHk.SuccessJson));
        _client = AlipayHk.Client();
        Ledger = new MemoryLedger(Time);
        var recoverability = new RecoverabilityOptions { BreakerThreshold = 1_000 };
        Gate = new CircuitBreaker(recoverability, Time);
        Synchronizer = new ContentSynchronizer(Ledger, _client, Gate, new RequestIdSource(), recoverability, () => 0.5, Time, NullLogger<ContentSynchronizer>.Instance);
        var options = new ContentOptions();
        var reader = new ContentReader(options, Time);
        Catalog = new TestCatalog(Time);
        Sources = new ResyncSources(hasCatalog ? Catalog : null);
        var resync = new ResyncOptions { SendsPerSecond = 0 };
        var lanes = new InProcessLanes(new PackSender(Synchronizer, Queue, resync, Time), new LaneRateLimiters(resync, Time));
        var catalogReader = new CatalogReader(reader, options);
        _runner = new ResyncRunner(
            new CatalogPlanner(catalogReader, new RecordScan(Ledger), _folder.File("plans")),
            new ResendPlanner(Ledger, Time),
            new ResyncPages(catalogReader, Synchronizer, Ledger, Time),
            lanes,
            Store,
            new RequestIdSource(),
            resync,
            Time);
        Resyncs = new ResyncRuns(_runner, Store, lanes, Waker, Time);
        _services = new ServiceCollection()
            .AddSingleton<ISyncLedger>(Ledger)
            .AddSingleton<ISyncQueue>(Queue)
            .AddSingleton(Gate)
            .AddSingleton(Synchronizer)
            .AddSingleton(options)
            .AddSingleton(reader)
            .AddSingleton(AlipayHk.Options)
            .AddSingleton(new RequestIdSource())
            .AddSingleton(new ApiOptions { ContinuationSecret = "a secret of these tests" })
            .AddSingleton(webhook ?? new WebhookOptions { Secrets = { Secret } })
            .AddSingleton(Resyncs)
            .AddSingleton(Sources)
            .AddSingleton<TimeProvider>(Time)
            .AddApiHandlers()
            .AddLogging()
            .BuildServiceProvider();
    }

    public FakeAlipayHk AlipayHk { get; } = new();

    public FakeTimeProvider Time => AlipayHk.Time;

    public MemoryLedger Ledger { get; }

    public RecordingQueue Queue { get; } = new();

    public CircuitBreaker Gate { get; }

    public ContentSynchronizer Synchronizer { get; }

    /// <summary>The configured catalog, written just now; empty at first.</summary>
    public TestCatalog Catalog { get; }

    public ResyncSources Sources { get; }

    public MemoryResyncStore Store { get; } = new();

    /// <summary>Runs are only carried out where a test calls <see cref="CarryOutAsync"/>.</summary>
    public RecordingWaker Waker { get; } = new();

    public ResyncRuns Resyncs { get; }

    public IServiceProvider Services => _services;

    /// <summary>Carries out the run of a source that is under way, as the host's own loop would.</summary>
    public Task CarryOutAsync(ICatalogSource source) => _runner.ContinueAsync(source, Timeout.InfiniteTimeSpan, CancellationToken.None);

    public void Dispose()
    {
        _services.Dispose();
        _client.Dispose();
        _folder.Dispose();
    }

    public Task<ApiAnswer> GetAsync(string target) => SendAsync("GET", target, null);

    public Task<ApiAnswer> PostAsync(string target, string body, string contentType = "application/json", params (string Name, string Value)[] headers) =>
        SendAsync("POST", target, Encoding.UTF8.GetBytes(body), [("Content-Type", contentType), .. headers]);

    /// <param name="method">HTTP method.</param>
    /// <param name="target">Path and query, escaped.</param>
    /// <param name="body">Null for none.</param>
    /// <param name="headers">As they are sent.</param>
    public async Task<ApiAnswer> SendAsync(string method, string target, byte[]? body, params (string Name, string Value)[] headers)
    {
        var (path, query) = target.Split('?', 2) is [var before, var after] ? (before, after) : (target, "");
        var context = new DefaultHttpContext { RequestServices = _services };
        context.Request.Method = method;
        context.Request.Query = new QueryCollection(QueryHelpers.ParseQuery(query));
        context.Request.Body = new MemoryStream(body ?? []);
        foreach (var (name, value) in headers) context.Request.Headers.Append(name, value);
        context.Response.Body = new MemoryStream();
        var route = ApiRoutes.All.First(route => route.Method == method && Matches(route.Path, path, context.Request));
        var answer = await route.HandleAsync(_services, context.Request, CancellationToken.None);
        await answer.ExecuteAsync(context);
        var text = Encoding.UTF8.GetString(((MemoryStream)context.Response.Body).ToArray());
        ApiDescription.Check(route, context.Response.StatusCode, context.Response.ContentType, text);
        return new ApiAnswer(context.Response.StatusCode, text, context.Response.Headers);
    }

    /// <summary>Accepts a content and lets AlipayHK reject it for good.</summary>
    public async Task ParkAsync(string contentId, string code = "CONTENT_RISKY", string message = "said so")
    {
        var before = AlipayHk.Always;
        AlipayHk.Always = (_, _) => Task.FromResult(AlipayHk.Signed(FakeAlipayHk.Result(code, "F", message)));
        Assert.Equal(422, (await PostAsync("/api/content", Item(contentId))).Status);
        AlipayHk.Always = before;
    }

    public static string Item(string contentId, string name = "奶茶", string type = "SKU", string more = "") =>
        $$"""{"contentId":{{JsonSerializer.Serialize(contentId)}},"contentType":"{{type}}","contentStatus":1,"contentInfo":{"name":{{JsonSerializer.Serialize(name)}}}{{more}}}""";

    // Literal routes stand before those with a parameter in the table, as they do in a server's order of precedence.
    private static bool Matches(string template, string path, HttpRequest request)
    {
        var (wanted, given) = (template.Split('/'), path.Split('/'));
        if (wanted.Length != given.Length) return false;
        for (var i = 0; i < wanted.Length; i++)
        {
            if (wanted[i].StartsWith('{')) request.RouteValues[wanted[i].Trim('{', '}')] = Uri.UnescapeDataString(given[i].Replace("%2F", "%252F", StringComparison.Ordinal));
            else if (wanted[i] != given[i]) return false;
        }

        return true;
    }
}

/// <param name="Status">HTTP status.</param>
/// <param name="Text">Body.</param>
/// <param name="Headers">Headers.</param>
internal sealed record ApiAnswer(int Status, string Text, IHeaderDictionary Headers)
{
    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    public string Detail => Json.GetProperty("detail").GetString()!;

    public string Title => Json.GetProperty("title").GetString()!;

    public string Outcome(int index) => Json.GetProperty("items")[index].GetProperty("outcome").GetString()!;
}

/// <summary>Keeps what is enqueued; can be told to be unavailable.</summary>
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

/// <summary>A catalog whose text a test can change.</summary>
internal sealed class TestCatalog(TimeProvider time) : ICatalogSource
{
    public string Name => "the catalog";

    public string Text { get; set; } = "";

    public ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken) => new TestSnapshot(Text, time.GetUtcNow()).FindNewestAsync(cancellationToken);
}

/// <summary>Keeps the runs that it was told of; can be told to be unavailable.</summary>
internal sealed class RecordingWaker : IResyncScheduler
{
    public List<ResyncRun> Woken { get; } = [];

    public bool IsUnavailable { get; set; }

    public ValueTask ScheduleAsync(ResyncRun run, CancellationToken cancellationToken)
    {
        if (IsUnavailable) throw new QueueUnavailableException("Not there.");
        Woken.Add(run);
        return ValueTask.CompletedTask;
    }
}
