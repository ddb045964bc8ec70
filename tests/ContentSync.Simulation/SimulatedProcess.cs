using Azure.Messaging.ServiceBus;
using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Content;
using ContentSync.Functions;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Signing;
using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Simulation;

/// <summary>One process of the app: the real code, with simulated ports to everything outside. A crash discards all its work in progress.</summary>
internal sealed class SimulatedProcess : IDisposable
{
    public static readonly Uri BaseAddress = new("https://alipayhk.example");
    public const string ClientId = "SIMULATION";

    /// <summary>Options of a pool of several vaults, except for its rate.</summary>
    public static readonly SignerPoolOptions PoolOptions = new();

    /// <summary>Time that the local host gives to what is in flight.</summary>
    private static readonly TimeSpan LocalGrace = TimeSpan.FromSeconds(10);

    /// <summary>Time that a worker of the Functions host has to shut down.</summary>
    private static readonly TimeSpan WorkerGrace = TimeSpan.FromSeconds(30);

    /// <summary>From the moment when the local host gives up what is in flight until it has recorded that.</summary>
    private static readonly TimeSpan LocalEnd = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan MaxWaitForSettlement = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan SweepGrace = TimeSpan.FromMinutes(1);

    /// <summary>Time after which AlipayHK closes the connections of a frozen process.</summary>
    private static readonly TimeSpan MaxSilence = TimeSpan.FromSeconds(20);

    private readonly World _world;
    private readonly Machine _machine;
    private readonly ProcessClock _clock;
    private readonly StoreClock _storeClock;
    private readonly ISyncQueue _syncQueue;
    private readonly LocalLedger? _localLedger;
    private readonly InProcessQueue? _localQueue;
    private readonly ServiceProvider _services;
    private readonly ContentReader _reader;
    private readonly ContentSynchronizer _synchronizer;
    private readonly QueueFunctions? _functions;
    private readonly PendingSweep _sweep;
    private readonly ParkedReplay _replay;
    private readonly ResyncWork? _resyncs;
    private readonly ResyncRuns? _runs;
    private readonly LocalResync? _localResync;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SignerPool? _pool;
    private readonly List<AlipayHkCall> _connections = [];
    private readonly List<Action<bool>> _callers = [];
    private TimeSpan _frozenUntil;
    private TimeSpan? _stoppedAt;
    private Action? _whileSettling;

    public SimulatedProcess(World world, Machine machine)
    {
        _world = world;
        _machine = machine;
        LaneRate = new LaneRateChecker(world, machine.Name);
        _clock = new ProcessClock(world.Time, WhenRunning) { Offset = machine.ClockOffset };
        _storeClock = new StoreClock(_clock);

        var plan = world.Plan;
        var options = new AlipayHkOptions
        {
            BaseAddress = BaseAddress,
            ClientId = ClientId,
            MaxSendsPerSecond = plan.MaxSendsPerSecond,
            PublicKeys = { world.Keys.Known },
        };
        if (plan.Vaults > 1) _pool = Pool();
        if (world.Local is { } local) _localLedger = new LocalLedger(world, this, _storeClock, local);
        var services = new ServiceCollection()
            .AddKeyedSingleton<TimeProvider>(Clocks.Wall, _clock)
            .AddKeyedSingleton<TimeProvider>(Clocks.Store, _storeClock)
            .AddSingleton(_localLedger ?? OpenLedger())
            .AddSingleton<IRequestSigner>(_pool is null ? new VaultSigner(this, world, null) : _pool)
            .AddSingleton(new AlipayHkTransport(new SimulatedSocket(this, world)))
            .AddSingleton(world.Keys.Imported)
            .AddSingleton<RequestIdSource>(new SimulatedIds(world.Random))
            .AddSingleton<JitterSource>(new SimulatedJitter(world.Random));
        if (_localLedger is null)
        {
            services
                .AddSingleton(new ServiceBusQueues(
                    new TransferSender(this, world, world.Broker), new TransferSender(this, world, world.Lanes), _storeClock))
                .AddSingleton<ISyncQueue>(provider => provider.GetRequiredService<ServiceBusQueues>())
                .AddSingleton<IResyncQueue>(provider => provider.GetRequiredService<ServiceBusQueues>())
                .AddSingleton(new InvocationTracker(_clock, TaskCreationOptions.None))
                .AddSingleton<MessageSettler>()
                .AddSingleton<ProcessContentMessage>();
        }
        else
        {
            services
                .AddSingleton(provider => new InProcessQueue(
                    provider.GetRequiredService<ContentSynchronizer>(),
                    plan.Consumers,
                    _storeClock,
                    NullLogger<InProcessQueue>.Instance,
                    TaskCreationOptions.None))
                .AddSingleton<ISyncQueue>(provider => new LocalQueuePort(this, world, provider));
        }

        if (world.Table is { } scanned) services.AddSingleton<ILedgerScan>(scanned.OpenScan(this, _storeClock));
        var sendState = plan.HasSendState ? new LocalSendState(this, world, _clock) : null;
        if (sendState is not null) services.AddSingleton<ISendStateStore>(sendState);
        if (plan.SharesBudget) services.AddSingleton<ISendStateStore>(new SendStateConnection(this, world));
        if (plan.Bulk is { } bulk) ResyncWork.AddEdges(services, this, world, bulk, _stopping.Token);
        _services = services
            .AddContentSync(new ContentSyncOptions
            {
                AlipayHk = options,
                Recoverability = plan.Recoverability,
                Resync = plan.Bulk?.Options(plan) ?? new ResyncOptions(),
            })
            .BuildServiceProvider();
        SendSwitch = _services.GetRequiredService<SendSwitch>();
        try
        {
            sendState?.Open(SendSwitch);
        }
        catch (SendStateUnavailableException)
        {
            _localLedger!.Close();
            throw;
        }

        CircuitBreaker = _services.GetRequiredService<CircuitBreaker>();
        _synchronizer = _services.GetRequiredService<ContentSynchronizer>();
        _reader = _services.GetRequiredService<ContentReader>();
        _sweep = _services.GetRequiredService<PendingSweep>();
        _replay = _services.GetRequiredService<ParkedReplay>();
        _syncQueue = _services.GetRequiredService<ISyncQueue>();
        _localQueue = _services.GetService<InProcessQueue>();
        if (_localQueue is null)
        {
            _functions = new QueueFunctions(
                this,
                world,
                _services.GetRequiredService<InvocationTracker>(),
                _services.GetRequiredService<ProcessContentMessage>(),
                _services.GetService<ProcessResyncPack>());
        }

        if (plan.Bulk is null) return;
        _resyncs = _services.GetRequiredService<ResyncWork>();
        _runs = _services.GetRequiredService<ResyncRuns>();
        _localResync = _services.GetService<LocalResync>();
    }

    public void Dispose()
    {
        // The queue of the local host could only be disposed asynchronously; it waits for nothing that still happens.
        if (_localQueue is null) _services.Dispose();
        _pool?.Dispose();
        _stopping.Dispose();
    }

    public string Name => _machine.Name;

    public Machine Machine => _machine;

    public bool IsAlive { get; private set; } = true;

    public bool IsAccepting => IsAlive && !IsFrozen && !_stopping.IsCancellationRequested;

    public bool HasCapacity => IsAccepting && _functions is { HasCapacity: true };

    public CircuitBreaker CircuitBreaker { get; }

    /// <summary>Checks the rate of its lanes.</summary>
    public LaneRateChecker LaneRate { get; }

    public SendSwitch SendSwitch { get; }

    public void Start()
    {
        Watch(SweepAsync());
        if (_localResync is not null)
        {
            LaneRate.Enter();
            _localResync.Start();
            LaneRate.Leave();
        }
        else if (_resyncs is not null) Watch(_resyncs.ResumeStalledRunsAsync(_runs!));
        _world.Broker.Pump();
        _world.Lanes.Pump();
    }

    public void SetClock(TimeSpan offset) => _clock.Offset = offset;

    public bool IsHandling(SimulatedQueue queue, long lockToken) => IsAlive && !IsFrozen && _functions!.IsHandling(queue, lockToken);

    /// <summary>Whether it was frozen at any time after this one.</summary>
    public bool WasFrozenAfter(TimeSpan elapsed) => _frozenUntil > elapsed;

    public void Crash(TimeSpan downFor)
    {
        _world.Trace.Write(Name, $"crashes");
        End(isCrash: true);
        _machine.Crashed(downFor);
    }

    /// <summary>Nothing of the process runs for a while; then everything that became due meanwhile runs at once.</summary>
    public void Freeze(TimeSpan duration)
    {
        var until = _world.Time.Elapsed + duration;
        if (until > _frozenUntil) _frozenUntil = until;
        _world.Time.At(_frozenUntil, () =>
        {
            _world.Broker.Pump();
            _world.Lanes.Pump();
        });

        // AlipayHK closes connections that it has served.
        _world.Time.After(MaxSilence, () =>
        {
            if (!IsFrozen) return;
            foreach (var call in _connections.ToArray()) call.Fail(new HttpRequestException(HttpRequestError.ConnectionError, "Closed."));
        });
    }

    /// <summary>Runs code of the process: now, or when it is no longer frozen, or never if it dies before.</summary>
    public void WhenRunning(Action action)
    {
        if (!IsAlive) return;
        if (IsFrozen) _world.Time.At(_frozenUntil, () => WhenRunning(action));
        else action();
    }

    /// <summary>
    /// Ends the process like a deployment: cancels its work, waits briefly, then ends it. Often while a message is being settled, if that
    /// happens soon.
    /// </summary>
    public void ShutDown(Action ended)
    {
        if (_functions is null || !_world.Random.Chance(0.5))
        {
            BeginShutDown(ended);
            return;
        }

        _whileSettling = () => BeginShutDown(ended);
        _world.Time.After(MaxWaitForSettlement, Settling);
    }

    /// <summary>The process begins to settle a message.</summary>
    public void Settling()
    {
        if (_whileSettling is not { } act) return;
        _whileSettling = null;
        _world.Time.After(TimeSpan.FromMilliseconds(1), act);
    }

    /// <summary>Releases what the process has open when the simulation is over.</summary>
    public void ShutDownAtEnd() => _localLedger?.Close();

    /// <summary>Compares the lists of the local host's ledger with what it holds.</summary>
    public void CheckLists() => _localLedger!.CheckLists();

    /// <summary>The app cancels a request.</summary>
    public void Cancelling(AlipayHkCall call)
    {
        if (_world.Plan.SendsFromQueueOnly && _world.Time.Elapsed - _stoppedAt < TimeSpan.FromMilliseconds(10))
            _world.Invariants.Report(Invariant.FlightsFinish, $"the request for {call.ContentId} is cancelled as soon as the host stops");
    }

    /// <summary>A call to an external service. Request or response may be lost, and the process may crash during the call.</summary>
    /// <param name="what">Name of the call in the trace.</param>
    /// <param name="effect">Effect of the request on arrival.</param>
    /// <param name="behavior">Delays and faults of the call.</param>
    /// <param name="cancellationToken">Cancels waiting for the response, not the effect.</param>
    public ValueTask<T> CallAsync<T>(string what, Func<T> effect, CallBehavior behavior, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!EnterPort(what, out var crashesAfter)) return Never<T>();
        var source = new TaskCompletionSource<T>();
        var registration = cancellationToken.UnsafeRegister(
            static (source, token) => ((TaskCompletionSource<T>)source!).TrySetCanceled(token), source);
        _world.Time.After(behavior.RequestDelay, () =>
        {
            var result = behavior.IsLost ? default : effect();
            if (crashesAfter && IsAlive) Crash(_world.Plan.RestartTime);
            _world.Time.After(behavior.ResponseDelay, () => WhenRunning(() =>
            {
                registration.Dispose();
                if (behavior.Fault is { } fault) source.TrySetException(fault());
                else source.TrySetResult(behavior.IsResponseLost ? default! : result!);
            }));
        });
        return new ValueTask<T>(source.Task);
    }

    /// <summary>Time until a process restarts after a crash during a call, except where the plan has another.</summary>
    public static TimeSpan CrashPointDownTime { get; } = TimeSpan.FromSeconds(15);

    /// <summary>Counts a call to an external service. False when the process is dead or dies now.</summary>
    public bool EnterPort(string what, out bool crashesAfter)
    {
        crashesAfter = false;
        _world.Time.RequireThread();
        if (!IsAlive) return false;
        var call = ++_world.PortCalls;
        var isRandom = _world.Draw(Fault.Crash);
        if (!isRandom && _world.Plan.CrashPoint?.Call != call) return true;
        _world.Trace.Write(Name, $"will crash at port call {call}, {what}");
        crashesAfter = isRandom ? _world.Random.Chance(0.5) : _world.Plan.CrashPoint!.AfterEffect;
        if (!crashesAfter) Crash(_world.Plan.RestartTime);
        return crashesAfter;
    }

    public static ValueTask<T> Never<T>() => new(new TaskCompletionSource<T>().Task);

    public void Connected(AlipayHkCall call) => _connections.Add(call);

    public void Disconnected(AlipayHkCall call) => _connections.Remove(call);

    /// <summary>The broker delivers a message.</summary>
    public void Receive(SimulatedQueue queue, ServiceBusReceivedMessage message, long lockToken) =>
        Watch(_functions!.RunAsync(queue, message, lockToken));

    /// <summary>Starts or cancels a run. Passes to <paramref name="completed"/> whether this succeeded.</summary>
    public void Trigger(ResyncTrigger trigger, Action<bool> completed) => Watch(_resyncs!.TriggerAsync(_runs!, trigger, completed));

    /// <summary>Handles a caller's HTTP request. Passes to <paramref name="completed"/> whether the items were accepted.</summary>
    public void Serve(Submitted submitted, Action<bool> completed)
    {
        _callers.Add(completed);
        Watch(_functions is null ? ServeAsync() : _functions.InvokeAsync(ServeAsync));

        Task ServeAsync() => this.ServeAsync(submitted, isAccepted =>
        {
            // A process that ended has answered its callers already.
            if (_callers.Remove(completed)) completed(isAccepted);
        });
    }

    public void ReplayParked() => Watch(ReplayAsync());

    private bool IsFrozen => _world.Time.Elapsed < _frozenUntil;

    private void BeginShutDown(Action ended)
    {
        if (!IsAccepting) return;
        _world.Trace.Write(Name, $"shuts down");
        _stoppedAt = _world.Time.Elapsed;
        _stopping.Cancel();
        if (_localQueue is null)
        {
            Watch(StopAsync());
            return;
        }

        Watch(StopLocalAsync());
        _world.Time.After(LocalGrace + LocalEnd, Ended);

        async Task StopLocalAsync()
        {
            if (_localResync is not null) await _localResync.StopAsync().ConfigureAwait(false);
            await _localQueue.StopAsync(LocalGrace).ConfigureAwait(false);
        }

        async Task StopAsync()
        {
            await _functions!.StopAsync(WorkerGrace, _clock).ConfigureAwait(false);
            Ended();
        }

        void Ended()
        {
            if (!IsAlive) return;
            End(isCrash: false);
            ended();
        }
    }

    private SignerPool Pool()
    {
        var watch = new PoolWatch(_world);
        var keys = Enumerable.Range(0, _world.Plan.Vaults)
            .Select(vault => new VaultKey($"vault{vault}", "1", new VaultSigner(this, _world, watch) { Vault = vault }))
            .ToList();
        var options = new SignerPoolOptions
        {
            SignaturesPerSecond = _world.Plan.SignaturesPerSecond,
            RequestTimeout = PoolOptions.RequestTimeout,
        };
        return new SignerPool(keys, options, _clock, TaskCreationOptions.None);
    }

    private async Task ServeAsync(Submitted submitted, Action<bool> completed)
    {
        var disconnectsAfter = _world.Inject(Fault.CallerDisconnected)
            ? _world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(_world.Random.Pick(1, 20)))
            : Timeout.InfiniteTimeSpan;
        using var disconnected = new CancellationTokenSource(disconnectsAfter, _clock);
        using var aborted = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, disconnected.Token);
        var isAccepted = false;
        try
        {
            var items = submitted.Items.Select(item => InvariantChecker.Submitted(item, _reader)).OfType<ContentItem>().ToList();
            if (items.Count < submitted.Items.Count)
            {
                completed(false);
                return;
            }

            if (submitted.Items[0].Intent == Intent.SubmitInvalid)
            {
                var refused = ChangeVersion.Of(items[0], ChangeVersion.OnAcceptance);
                await _synchronizer.RefuseAsync(items[0].ContentId, refused, "invalid", "It is not valid.", aborted.Token).ConfigureAwait(false);
                completed(true);
                return;
            }

            if (submitted.Items[0].Intent == Intent.Delist) items[0] = Delisting.ById(items[0].ContentId, items[0].Number, items[0].OccurredAt);
            var submissions = items.ConvertAll(item => _synchronizer.Submit(item, ChangeVersion.OnAcceptance.AddTicks(items.IndexOf(item))));
            if (submitted.Items[0].Intent == Intent.RollBack)
                submissions[0] = submissions[0] with { OverrideDeclaredAt = VirtualTime.Epoch + submitted.At };
            var acceptances = await _synchronizer.AcceptAsync(submissions, aborted.Token).ConfigureAwait(false);
            for (var i = 0; i < items.Count; i++) _world.Invariants.Acknowledged(items[i], acceptances[i]);
            isAccepted = true;
            foreach (var acceptance in acceptances)
            {
                if (acceptance.Kind is not (AcceptanceKind.Accepted or AcceptanceKind.AlreadyPending)) continue;
                var record = acceptance.Record;
                var message = new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero);
                if (submitted.Input == Input.HttpSync) await _synchronizer.SynchronizeAsync(record, aborted.Token).ConfigureAwait(false);
                else await _syncQueue.EnqueueAsync([message], aborted.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is LedgerUnavailableException or QueueUnavailableException or OperationCanceledException)
        {
            // The caller gets an error response or has disconnected.
        }

        completed(isAccepted);
    }

    private async Task SweepAsync()
    {
        try
        {
            if (_world.Plan.IsOnTable) await Task.Delay(_world.Plan.SweepInterval, _clock, _stopping.Token).ConfigureAwait(false);
            while (true)
            {
                try
                {
                    var isStopped = !_world.Plan.SharesBudget && CircuitBreaker.OpenState is not null;
                    var swept = await _sweep.RunAsync(_localLedger is null ? SweepGrace : TimeSpan.Zero, _stopping.Token).ConfigureAwait(false);
                    if (isStopped) _world.Invariants.SweptWhileStopped(swept.Enqueued);
                }
                catch (Exception e) when (e is LedgerUnavailableException or QueueUnavailableException)
                {
                    // The next sweep tries again.
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
            // The person can replay again.
        }
        finally
        {
            _world.IsReplaying = false;
        }
    }

    private ISyncLedger OpenLedger() =>
        _world.Table is { } table ? table.Open(this, _storeClock) : new SimulatedLedger(this, _world, _storeClock);

    private void End(bool isCrash)
    {
        IsAlive = false;
        if (isCrash) LoseDisk();
        else _localLedger?.Close();
        foreach (var call in _connections.ToArray()) call.Close();
        Action<bool>[] callers = [.. _callers];
        _callers.Clear();
        foreach (var caller in callers) caller(false);
        Dispose();
    }

    private void LoseDisk()
    {
        if (_localLedger is null) return;
        var losesPower = _world.Random.Chance(0.5);
        if (losesPower) _world.Faults.Add(Fault.PowerLoss);
        _world.Trace.Write(Name, $"{(losesPower ? "loses power" : "is killed")}");
        _localLedger.Abandon(losesPower);
        _world.Local!.Resyncs.End(losesPower);
    }

    /// <summary>Reports an exception of the work: no fault may cause an unexpected one.</summary>
    public void Watch(Task work) => _ = WatchAsync(work);

    private async Task WatchAsync(Task work)
    {
        try
        {
            await work.ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _world.Invariants.Report(Invariant.NothingThrown, e.ToString());
        }
    }
}

/// <summary>Delays and faults of one call.</summary>
/// <param name="RequestDelay">Time until the request takes effect.</param>
/// <param name="ResponseDelay">Time until the response arrives.</param>
/// <param name="IsLost">The request has no effect; the result is the default unless there is a fault.</param>
/// <param name="Fault">Creates the exception that is thrown instead of a result.</param>
/// <param name="IsResponseLost">The request has its effect, but the result is the default.</param>
internal readonly record struct CallBehavior(
    TimeSpan RequestDelay, TimeSpan ResponseDelay, bool IsLost = false, Func<Exception>? Fault = null, bool IsResponseLost = false);

/// <summary>Request ids and lease ids that depend only on the seed.</summary>
internal sealed class SimulatedIds(SimulatedRandom random) : RequestIdSource
{
    public override string Create() => $"{random.NextBits():x16}{random.NextBits():x16}";
}

internal sealed class SimulatedJitter(SimulatedRandom random) : JitterSource
{
    public override double Draw() => random.NextDouble();
}
