using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync.Lanes;
using ContentSync.Signing;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Simulation;

/// <summary>One process of the app: the real code, and the ports through which it meets the world. A crash drops whatever it was about to do.</summary>
internal sealed class SimulatedProcess : IDisposable
{
    public static readonly Uri BaseAddress = new("https://partner.example");
    public const string ClientId = "SIMULATION";

    /// <summary>How a pool of several vaults goes about it, but for its pace.</summary>
    public static readonly SignerPoolOptions PoolOptions = new();

    private static readonly TimeSpan ShutdownGrace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SweepGrace = TimeSpan.FromMinutes(1);

    private readonly World _world;
    private readonly Machine _machine;
    private readonly ProcessClock _clock;
    private readonly StoreClock _storeClock;
    private readonly SimulatedLedger _ledger;
    private readonly BrokerQueue _queue;
    private readonly AlipayHkClient _client;
    private readonly ContentReader _reader;
    private readonly ContentSynchronizer _synchronizer;
    private readonly ContentMessageProcessor _processor;
    private readonly PendingSweep _sweep;
    private readonly ParkedReplay _replay;
    private readonly ResyncWork? _resyncs;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SignerPool? _pool;
    private readonly List<PartnerCall> _connections = [];
    private readonly List<Action<bool>> _callers = [];
    private readonly HashSet<long> _handling = [];

    public SimulatedProcess(World world, Machine machine)
    {
        _world = world;
        _machine = machine;
        _clock = new ProcessClock(world.Time, () => IsAlive) { Offset = machine.ClockOffset };
        _storeClock = new StoreClock(_clock);
        _ledger = new SimulatedLedger(this, world, _storeClock);
        _queue = new BrokerQueue(this, world);

        var plan = world.Plan;
        var options = new AlipayHkOptions
        {
            BaseAddress = BaseAddress,
            ClientId = ClientId,
            MaxSendsPerSecond = plan.MaxSendsPerSecond,
            PublicKeys = { world.Keys.Known },
        };
        var ids = new SimulatedIds(world.Random);
        if (plan.Vaults > 1) _pool = Pool();
        _client = AlipayHkClient.Create(
            options, _pool is null ? new VaultSigner(this, world, null) : _pool, _clock, NullLoggerFactory.Instance, new PartnerSocket(this, world), ids, world.Random.NextDouble, world.Keys.Imported);
        Gate = new CircuitBreaker(plan.Recoverability, _storeClock);
        _synchronizer = new ContentSynchronizer(
            _ledger, _client, Gate, ids, plan.Recoverability, world.Random.NextDouble, _storeClock, NullLogger<ContentSynchronizer>.Instance);
        _reader = new ContentReader(new ContentOptions(), _storeClock);
        _processor = new ContentMessageProcessor(
            new ContentMessageReader(_reader), _synchronizer, plan.Recoverability, NullLogger<ContentMessageProcessor>.Instance);
        _sweep = new PendingSweep(_ledger, _queue, Gate, _storeClock);
        _replay = new ParkedReplay(_ledger, _queue, new ReplayOptions(), _storeClock);
        if (plan.Bulk is { } bulk) _resyncs = new ResyncWork(this, world, bulk, _ledger, _synchronizer, _queue, ids, _storeClock, _stopping.Token);
    }

    public void Dispose()
    {
        _client.Dispose();
        _pool?.Dispose();
        _stopping.Dispose();
    }

    public string Name => _machine.Name;

    public bool IsAlive { get; private set; } = true;

    public bool IsAccepting => IsAlive && !_stopping.IsCancellationRequested;

    public bool HasRoom => IsAccepting && _handling.Count < _world.Plan.Consumers;

    public CircuitBreaker Gate { get; }

    public void Start()
    {
        Watch(SweepAsync());
        if (_resyncs is not null) Watch(_resyncs.WakeAsync());
        _world.Broker.Pump();
        _world.Lanes.Pump();
    }

    public void SetClock(TimeSpan offset) => _clock.Offset = offset;

    public bool IsHandling(long lockToken) => IsAlive && _handling.Contains(lockToken);

    public void Crash(TimeSpan downFor)
    {
        _world.Trace.Write(Name, $"CRASHES");
        End();
        _machine.Crashed(downFor);
    }

    /// <summary>What a deployment does: cancels, waits a little, ends.</summary>
    public void ShutDown(Action ended)
    {
        if (!IsAccepting) return;
        _world.Trace.Write(Name, $"shuts down");
        _stopping.Cancel();
        _world.Time.After(ShutdownGrace, () =>
        {
            if (!IsAlive) return;
            End();
            ended();
        });
    }

    /// <summary>A call to something outside. It may be lost on the way there or back, and the process may crash in it.</summary>
    /// <param name="what">For the trace.</param>
    /// <param name="effect">What it does there, on arrival.</param>
    /// <param name="journey">How it goes.</param>
    /// <param name="cancellationToken">Ends the wait, not the effect.</param>
    public ValueTask<T> CallAsync<T>(string what, Func<T> effect, Journey journey, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!EnterPort(what, out var crashesAfter)) return Never<T>();
        var source = new TaskCompletionSource<T>();
        var registration = cancellationToken.UnsafeRegister(static (source, token) => ((TaskCompletionSource<T>)source!).TrySetCanceled(token), source);
        _world.Time.After(journey.There, () =>
        {
            var answer = journey.IsLost ? default : effect();
            if (crashesAfter && IsAlive) Crash(CrashPointDownTime);
            _world.Time.After(journey.Back, () =>
            {
                if (!IsAlive) return;
                registration.Dispose();
                if (journey.Fault is { } fault) source.TrySetException(fault());
                else source.TrySetResult(journey.IsAnswerLost ? default! : answer!);
            });
        });
        return new ValueTask<T>(source.Task);
    }

    /// <summary>How long a process that crashed at a crash point stays away.</summary>
    public static TimeSpan CrashPointDownTime { get; } = TimeSpan.FromSeconds(15);

    /// <summary>Counts a call to the outside. False where the process is dead, or dies here.</summary>
    public bool EnterPort(string what, out bool crashesAfter)
    {
        crashesAfter = false;
        _world.Time.RequireThread();
        if (!IsAlive) return false;
        var call = ++_world.PortCalls;
        var strikes = _world.Chances(Fault.Crash);
        if (!strikes && _world.Plan.CrashPoint?.Call != call) return true;
        _world.Trace.Write(Name, $"is to crash at port call {call}, {what}");
        crashesAfter = strikes ? _world.Random.Chance(0.5) : _world.Plan.CrashPoint!.AfterEffect;
        if (!crashesAfter) Crash(CrashPointDownTime);
        return crashesAfter;
    }

    public static ValueTask<T> Never<T>() => new(new TaskCompletionSource<T>().Task);

    public void Connected(PartnerCall call) => _connections.Add(call);

    public void Disconnected(PartnerCall call) => _connections.Remove(call);

    /// <summary>The broker delivers.</summary>
    public void Receive(QueueMessage message, long lockToken)
    {
        _handling.Add(lockToken);
        Watch(HandleAsync(message, lockToken));
    }

    /// <summary>A session delivers a pack.</summary>
    public void ReceivePack(ResyncPack pack, int hop, long lockToken)
    {
        _handling.Add(lockToken);
        Watch(HandleAsync());

        async Task HandleAsync()
        {
            try
            {
                await _resyncs!.HandleAsync(pack, hop, lockToken).ConfigureAwait(false);
            }
            finally
            {
                _handling.Remove(lockToken);
            }
        }
    }

    /// <summary>Somebody asks for a run. Answers whether it was written down.</summary>
    public void Ask(ResyncAsked asked, Action<bool> answered) => Watch(_resyncs!.AskAsync(asked, answered));

    /// <summary>A caller's HTTP request. Answers whether the caller was told that it is accepted.</summary>
    public void Serve(Submitted submitted, Action<bool> answered)
    {
        _callers.Add(answered);
        Watch(ServeAsync(submitted, isAccepted =>
        {
            _callers.Remove(answered);
            answered(isAccepted);
        }));
    }

    public void ReplayParked() => Watch(ReplayAsync());

    private SignerPool Pool()
    {
        var watch = new PoolWatch(_world);
        var keys = Enumerable.Range(0, _world.Plan.Vaults).Select(vault => new VaultKey($"vault{vault}", "1", new VaultSigner(this, _world, watch) { Vault = vault })).ToList();
        return new SignerPool(keys, new SignerPoolOptions { SignaturesPerSecond = _world.Plan.SignaturesPerSecond, RequestTimeout = PoolOptions.RequestTimeout }, _clock, TaskCreationOptions.None);
    }

    // The same decisions as the Functions host's: what throws is abandoned.
    private async Task HandleAsync(QueueMessage message, long lockToken)
    {
        try
        {
            await SettleAsync(lockToken, await _processor.ProcessAsync(message, _stopping.Token).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is QueueUnavailableException or OperationCanceledException)
        {
            await AbandonAsync(lockToken).ConfigureAwait(false);
        }
        finally
        {
            _handling.Remove(lockToken);
            _world.Broker.Pump();
        }
    }

    private async ValueTask SettleAsync(long lockToken, MessageSettlement settlement)
    {
        switch (settlement)
        {
            case MessageSettlement.DeadLetter dead:
                await _queue.DeadLetterAsync(lockToken, dead.Reason, dead.Description, _stopping.Token).ConfigureAwait(false);
                break;
            case MessageSettlement.SendThenComplete next:
                await _queue.SendAsync(next.Messages, _stopping.Token).ConfigureAwait(false);
                await _queue.CompleteAsync(lockToken, _stopping.Token).ConfigureAwait(false);
                break;
            default:
                await _queue.CompleteAsync(lockToken, _stopping.Token).ConfigureAwait(false);
                break;
        }
    }

    private async ValueTask AbandonAsync(long lockToken)
    {
        try
        {
            await _queue.AbandonAsync(lockToken).ConfigureAwait(false);
        }
        catch (QueueUnavailableException)
        {
            // The lock runs out.
        }
    }

    private async Task ServeAsync(Submitted submitted, Action<bool> answered)
    {
        var stays = _world.Strikes(Fault.CallerGone) ? _world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(_world.Random.Pick(1, 20))) : Timeout.InfiniteTimeSpan;
        using var patience = new CancellationTokenSource(stays, _clock);
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, patience.Token);
        var isAccepted = false;
        try
        {
            var items = submitted.Items.Select(item => _world.Judge.Submitted(item, _reader)).OfType<ContentItem>().ToList();
            if (items.Count < submitted.Items.Count)
            {
                answered(false);
                return;
            }

            var acceptances = await _synchronizer.AcceptAsync(items, _storeClock.GetUtcNow(), gone.Token).ConfigureAwait(false);
            for (var i = 0; i < items.Count; i++) _world.Judge.Acknowledged(items[i], acceptances[i]);
            isAccepted = true;
            foreach (var acceptance in acceptances.Where(acceptance => acceptance.Kind is AcceptanceKind.Accepted or AcceptanceKind.AlreadyPending))
            {
                var record = acceptance.Record;
                if (submitted.Door == Door.HttpNow) await _synchronizer.SynchronizeAsync(record.ContentId, gone.Token).ConfigureAwait(false);
                else await _queue.EnqueueAsync([new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero)], gone.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is LedgerUnavailableException or QueueUnavailableException or OperationCanceledException)
        {
            // Told so, or gone.
        }

        answered(isAccepted);
    }

    private async Task SweepAsync()
    {
        try
        {
            while (true)
            {
                try
                {
                    await _sweep.RunAsync(SweepGrace, _stopping.Token).ConfigureAwait(false);
                }
                catch (Exception e) when (e is LedgerUnavailableException or QueueUnavailableException)
                {
                    // The next one tries again.
                }

                await Task.Delay(_world.Plan.SweepInterval, _clock, _stopping.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Shut down.
        }
    }

    private async Task ReplayAsync()
    {
        _world.IsReplaying = true;
        try
        {
            var everything = new ParkedFilter();
            await _replay.RunAsync(everything, isDryRun: false, _stopping.Token).ConfigureAwait(false);
            await _replay.RunAsync(everything, isDryRun: false, _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is LedgerUnavailableException or OperationCanceledException)
        {
            // The person may try again.
        }
        finally
        {
            _world.IsReplaying = false;
        }
    }

    private void End()
    {
        IsAlive = false;
        foreach (var call in _connections.ToArray()) call.Close();
        foreach (var caller in _callers) caller(false);
        Dispose();
    }

    // Nothing may throw unexpectedly, whatever the world does.
    public async void Watch(Task work)
    {
        try
        {
            await work.ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _world.Judge.Report(Invariant.NothingThrown, e.ToString());
        }
    }
}

/// <summary>How a call goes: how long it takes there and back, whether it gets there, and what is thrown instead of an answer. Where neither comes, the answer is the default.</summary>
internal readonly record struct Journey(TimeSpan There, TimeSpan Back, bool IsLost = false, Func<Exception>? Fault = null, bool IsAnswerLost = false);

/// <summary>Request ids and lease ids that a seed repeats.</summary>
internal sealed class SimulatedIds(SimulatedRandom random) : RequestIdSource
{
    public override string Create() => $"{random.NextBits():x16}{random.NextBits():x16}";
}
