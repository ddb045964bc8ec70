using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Signing;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;
using ContentSync.Tests.Budget;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.Ledger;
using ContentSync.Tests.Resync.Lanes;
using ContentSync.Tests.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Resync;

/// <summary>Ledger, runs and AlipayHK, which outlive a process; and processes that can be killed at any call to one of them.</summary>
internal sealed class ResyncWorld : IDisposable
{
    private static readonly RSA AlipayHkKey = RSA.Create(2048);

    private readonly TemporaryFolder _folder = new();
    private readonly MemoryLedger _ledger;
    private readonly MemoryResyncStore _store = new();

    public ResyncWorld() => _ledger = new MemoryLedger(Time);

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    public ResyncOptions Options { get; } = new() { Lanes = 4, ItemsPerPack = 5, InFlightPerLane = 1, SendsPerSecond = 0 };

    public MemoryLedger Ledger => _ledger;

    public CannedAlipayHk AlipayHk { get; } = new();

    /// <summary>How many items were accepted, leased and recorded.</summary>
    public long LedgerCalls { get; private set; }

    /// <summary>Messages for items that left their packs.</summary>
    public List<SyncMessage> Singles { get; } = [];

    public List<ResyncRun> Progress { get; } = [];

    /// <summary>Counts of the packs that a broker carries.</summary>
    public MemoryLaneProgressStore ProgressStore { get; } = new();

    /// <summary>The shared document with the pauses; null for none.</summary>
    public MemorySendStateStore? SendState { get; set; }

    /// <summary>The store loses the plans of all runs.</summary>
    public void LosePlans() => _store.LosePlans();

    public async Task<ResyncRun> RunAsync(ICatalogSource source, ResyncParameters? parameters = null, KillSwitch? kill = null)
    {
        kill ??= new KillSwitch(long.MaxValue);
        using var process = Start(kill);
        var runner = Runner(process);
        return parameters is { DryRun: true }
            ? await runner.PlanAsync(source, parameters, kill.Token)
            : await runner.RunAsync(source, parameters ?? new ResyncParameters(), kill.Token);
    }

    /// <summary>Starts, lists and cancels runs that a broker carries.</summary>
    public ResyncRuns Runs(IResyncQueue queue) =>
        Start(new KillSwitch(long.MaxValue), queue).GetRequiredService<ResyncRuns>();

    /// <summary>Processes one message of a broker in a process of its own, which may be killed meanwhile.</summary>
    public async Task<MessageSettlement> ProcessAsync(
        ICatalogSource source, QueueMessage message, IResyncQueue queue, KillSwitch kill, Func<Task, Task>? meanwhile = null)
    {
        using var process = Start(kill, new MortalQueue(queue, kill), source);
        Runner(process);
        var processor = process.GetRequiredService<ResyncMessageProcessor>();
        var processing = processor.ProcessAsync(message, kill.Token).AsTask();
        if (meanwhile is not null) await meanwhile(processing);
        return await processing;
    }

    public async Task<ResyncRun?> FindRunAsync(TestSnapshot source, ResyncRunState state) =>
        (await _store.FindAsync(source.Name, default))?.Runs.FirstOrDefault(run => run.State == state);

    public async Task<ResyncRun?> CancelAsync(TestSnapshot source)
    {
        using var process = Start(new KillSwitch(long.MaxValue));
        return await process.GetRequiredService<ResyncRunner>().CancelAsync(source.Name, null, default);
    }

    /// <summary>The part of each item's record that does not depend on how often processes were killed.</summary>
    public async Task<Dictionary<string, (SyncState State, ContentHash Hash, ContentStatus Status)>> LedgerAsync()
    {
        var items = new Dictionary<string, (SyncState, ContentHash, ContentStatus)>(StringComparer.Ordinal);
        await foreach (var record in _ledger.ListAsync(new SyncRecordFilter(), default))
            items.Add(record.ContentId, (record.State, record.Hash, record.ContentStatus));
        return items;
    }

    public void Dispose() => _folder.Dispose();

    private void CountLedgerCalls(int calls)
    {
        lock (Progress) LedgerCalls += calls;
    }

    /// <summary>Starts a process on the parts that outlive it.</summary>
    /// <param name="kill">Ends it at one of its calls.</param>
    /// <param name="queue">Carries the lanes; null to send in the process.</param>
    /// <param name="source">The configured catalog; null for none.</param>
    private ServiceProvider Start(KillSwitch kill, IResyncQueue? queue = null, ICatalogSource? source = null)
    {
        var services = TestServices.With(Time)
            .AddSingleton<IRequestSigner>(new CannedSigner())
            .AddSingleton(new AlipayHkTransport(new MortalAlipayHk(AlipayHk, kill)))
            .AddSingleton<ISyncLedger>(new MortalLedger(_ledger, kill, CountLedgerCalls))
            .AddSingleton<ISyncQueue>(new ListQueue(Singles))
            .AddSingleton<IResyncStore>(new MortalStore(_store, kill))
            .AddSingleton<ILaneProgressStore>(new MortalProgressStore(ProgressStore, kill))
            .AddSingleton(new ResyncSources(source));
        if (SendState is not null) services.AddSingleton<ISendStateStore>(SendState);
        if (queue is null) services.AddSingleton<IPackLanes, InProcessLanes>();
        else services.AddSingleton(queue).AddBrokerLanes();

        return services
            .AddContentSync(new ContentSyncOptions { AlipayHk = AlipayHkOptions(), Resync = Options, PlanFolder = _folder.File("plans") })
            .BuildServiceProvider();
    }

    private ResyncRunner Runner(ServiceProvider process)
    {
        var runner = process.GetRequiredService<ResyncRunner>();
        runner.Progress += Progress.Add;
        return runner;
    }

    private static AlipayHkOptions AlipayHkOptions() => new()
    {
        BaseAddress = new Uri("https://gateway.example"),
        ClientId = CannedAlipayHk.ClientId,
        ImmediateRetries = 0,
        PublicKeys = [new AlipayHkKeyOptions { KeyVersion = "1", PublicKey = AlipayHkKey.ExportSubjectPublicKeyInfoPem() }],
    };

    /// <summary>Responds at the time of the request, signs each different response once, and keeps the items it received.</summary>
    internal sealed class CannedAlipayHk : HttpMessageHandler
    {
        public const string ClientId = "4Q5Y8W0WSG45P907917";

        private readonly Lock _lock = new();
        private readonly Dictionary<(string Time, string Json), string> _signatures = [];

        /// <summary>contentInfo by contentId, preceded by the status.</summary>
        public Dictionary<string, string> Items { get; } = new(StringComparer.Ordinal);

        public List<string> Calls { get; } = [];

        /// <summary>Code and status of the response for an item; null for success.</summary>
        public Func<string, (string Code, string Status)?> Fault { get; set; } = _ => null;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            using var body = JsonDocument.Parse(await request.Content!.ReadAsByteArrayAsync(cancellationToken));
            var contentId = body.RootElement.GetProperty("contentId").GetString()!;
            lock (_lock)
            {
                Calls.Add(contentId);
                if (Fault(contentId) is { } fault) return Respond(request, fault.Code, fault.Status);
                Items[contentId] = $"{body.RootElement.GetProperty("contentStatus")} {body.RootElement.GetProperty("contentInfo").GetString()}";
                return Respond(request, "SUCCESS", "S");
            }
        }

        private HttpResponseMessage Respond(HttpRequestMessage request, string code, string status)
        {
            var json = $$$"""{"resultInfo":{"resultCode":"{{{code}}}","resultStatus":"{{{status}}}","resultMessage":"message"}}""";
            var time = request.Headers.NonValidated["Request-Time"].ToString();
            if (!_signatures.TryGetValue((time, json), out var signature))
            {
                var content = Encoding.UTF8.GetBytes($"POST /api/open/alipay/v1/content/synchronize\n{ClientId}.{time}.{json}");
                var signed = AlipayHkKey.SignData(content, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
                _signatures[(time, json)] = signature = Uri.EscapeDataString(Convert.ToBase64String(signed));
            }

            var response = new HttpResponseMessage(HttpStatusCode.OK)
            {
                RequestMessage = request,
                Content = new ByteArrayContent(Encoding.UTF8.GetBytes(json)),
            };
            response.Headers.TryAddWithoutValidation("Client-Id", ClientId);
            response.Headers.TryAddWithoutValidation("Response-Time", time);
            response.Headers.TryAddWithoutValidation("Signature", $"algorithm=RSA256,keyVersion=1,signature={signature}");
            return response;
        }

        public Task<HttpResponseMessage> CallAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            SendAsync(request, cancellationToken);
    }

    private sealed class CannedSigner : IRequestSigner
    {
        public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken) =>
            ValueTask.FromResult(new RequestSignature("1", new byte[256]));
    }

    private sealed class ListQueue(List<SyncMessage> messages) : ISyncQueue
    {
        public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> more, CancellationToken cancellationToken)
        {
            lock (messages) messages.AddRange(more);
            return ValueTask.CompletedTask;
        }
    }

    private sealed class MortalAlipayHk(CannedAlipayHk alipayHk, KillSwitch kill) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            kill.Check();
            var response = await alipayHk.CallAsync(request, CancellationToken.None);
            kill.Check();
            return response;
        }
    }

    private sealed class MortalLedger(ISyncLedger ledger, KillSwitch kill, Action<int> count) : ISyncLedger
    {
        public ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken)
        {
            count(submissions.Count);
            return kill.Around(() => ledger.AcceptAsync(submissions, default));
        }

        public ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken)
        {
            count(1);
            return kill.Around(() => ledger.LeaseAsync(contentId, duration, default));
        }

        public ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome outcome, CancellationToken cancellationToken)
        {
            count(1);
            return kill.Around(() => ledger.RecordAsync(leased, outcome, default));
        }

        public ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken) =>
            kill.Around(() => ledger.ReplayAsync(contentId, delay, default));

        public ValueTask<SyncRecord?> ResendAsync(string contentId, CancellationToken cancellationToken) =>
            kill.Around(() => ledger.ResendAsync(contentId, default));

        public ValueTask<SyncRecord?> RefuseAsync(
            string contentId, ChangeVersion version, string code, string message, CancellationToken cancellationToken) =>
            kill.Around(() => ledger.RefuseAsync(contentId, version, code, message, default));

        public ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken) =>
            kill.Around(() => ledger.FindAsync(contentId, default));

        public IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, CancellationToken cancellationToken)
        {
            kill.Check();
            return ledger.ListAsync(filter, default);
        }
    }

    private sealed class MortalQueue(IResyncQueue queue, KillSwitch kill) : IResyncQueue
    {
        public async ValueTask EnqueueAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
        {
            kill.Check();
            await queue.EnqueueAsync(messages, default);
            kill.Check();
        }
    }

    private sealed class MortalProgressStore(ILaneProgressStore progressStore, KillSwitch kill) : ILaneProgressStore
    {
        public ValueTask<bool> CountAsync(ResyncPack pack, RunCounts counts, CancellationToken cancellationToken) =>
            kill.Around(() => progressStore.CountAsync(pack, counts, default));

        public IAsyncEnumerable<LaneProgress> ListAsync(string runId, CancellationToken cancellationToken)
        {
            kill.Check();
            return progressStore.ListAsync(runId, default);
        }

        public async ValueTask DeleteAsync(string runId, CancellationToken cancellationToken)
        {
            kill.Check();
            await progressStore.DeleteAsync(runId, default);
            kill.Check();
        }
    }

    private sealed class MortalStore(IResyncStore store, KillSwitch kill) : IResyncStore
    {
        public ValueTask<ResyncHistory?> FindAsync(string source, CancellationToken cancellationToken) =>
            kill.Around(() => store.FindAsync(source, default));

        public IAsyncEnumerable<ResyncHistory> ListAsync(CancellationToken cancellationToken) => store.ListAsync(cancellationToken);

        public ValueTask<ResyncHistory?> WriteAsync(ResyncHistory history, CancellationToken cancellationToken) =>
            kill.Around(() => store.WriteAsync(history, default));

        public async ValueTask SavePlanAsync(string planId, CatalogPlan plan, CancellationToken cancellationToken)
        {
            kill.Check();
            await store.SavePlanAsync(planId, plan, default);
            kill.Check();
        }

        public ValueTask<CatalogPlan> LoadPlanAsync(string planId, CancellationToken cancellationToken) =>
            kill.Around(() => store.LoadPlanAsync(planId, default));

        public async ValueTask DeletePlanAsync(string planId, CancellationToken cancellationToken)
        {
            kill.Check();
            await store.DeletePlanAsync(planId, default);
            kill.Check();
        }
    }
}

/// <summary>
/// Kills a process at its nth call to something outside, before or after that call has taken effect. A dead process does nothing more.
/// </summary>
internal sealed class KillSwitch(long after) : IDisposable
{
    private readonly CancellationTokenSource _dead = new();
    private long _left = after;
    private long _calls;

    public CancellationToken Token => _dead.Token;

    public bool IsDead => _dead.IsCancellationRequested;

    /// <summary>Number of calls so far.</summary>
    public long Calls => Interlocked.Read(ref _calls);

    public void Check()
    {
        Interlocked.Increment(ref _calls);
        if (Interlocked.Decrement(ref _left) < 0) _dead.Cancel();
        _dead.Token.ThrowIfCancellationRequested();
    }

    public async ValueTask<T> Around<T>(Func<ValueTask<T>> call)
    {
        Check();
        var result = await call();
        Check();
        return result;
    }

    public void Dispose() => _dead.Dispose();
}
