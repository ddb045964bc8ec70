using System.Runtime.CompilerServices;
using Azure.Messaging.ServiceBus;
using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Catalog;
using ContentSync.Functions;
using ContentSync.Http;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Signing;
using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Simulation;

/// <summary>One process of the app: the real code, with simulated ports to everything outside. A crash discards all its work in progress.</summary>
internal sealed class SimulatedProcess : IDisposable
{
    public static readonly Uri BaseAddress = new("https://alipayhk.example");
    public const string ClientId = "SIMULATION";

    /// <summary>Options of a pool of several vaults, except for its rate.</summary>
    public static readonly SignerPoolOptions PoolOptions = new();

    /// <summary>Time that a worker of the Functions host has to shut down.</summary>
    private static readonly TimeSpan WorkerGrace = TimeSpan.FromSeconds(30);

    /// <summary>From the moment when the local host gives up what is in flight until it has recorded that.</summary>
    private static readonly TimeSpan LocalEnd = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan MaxRealEnd = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan MaxWaitForSettlement = TimeSpan.FromMinutes(2);

    /// <summary>Time after which AlipayHK closes the connections of a frozen process.</summary>
    private static readonly TimeSpan MaxSilence = TimeSpan.FromSeconds(20);

    private readonly World _world;
    private readonly Machine _machine;
    private readonly ProcessClock _clock;
    private readonly StoreClock _storeClock;
    private readonly LocalLedger? _localLedger;
    private readonly LocalWork? _localWork;
    private readonly ServiceProvider _services;
    private readonly QueueFunctions? _functions;
    private readonly TimerFunctions? _timers;
    private readonly HttpCallers _callers;
    private readonly ParkedReplay _replay;
    private readonly LocalResync? _localResync;
    private readonly AsyncLocal<StrongBox<bool>?> _sweep = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly SignerPool? _pool;
    private readonly List<AlipayHkCall> _connections = [];
    private readonly List<Action<bool>> _waitingCallers = [];
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
        var ledger = _localLedger ?? OpenLedger();
        var services = new ServiceCollection()
            .AddKeyedSingleton<TimeProvider>(Clocks.Wall, _clock)
            .AddKeyedSingleton<TimeProvider>(Clocks.Store, _storeClock)
            .AddSingleton(ledger)
            .AddSingleton<IRequestSigner>(_pool is null ? new VaultSigner(this, world, null) : _pool)
            .AddSingleton(new AlipayHkTransport(new SimulatedSocket(this, world)))
            .AddSingleton(world.Keys.Imported)
            .AddSingleton<RequestIdSource>(new SimulatedIds(world.Random))
            .AddSingleton<JitterSource>(new SimulatedJitter(world.Random));
        var sendState = plan.HasSendState ? new LocalSendState(this, world, _clock) : null;
        if (sendState is not null) services.AddSingleton<ISendStateStore>(sendState);
        AddResyncEdges(services);
        if (_localLedger is null) AddCloudEdges(services);
        else AddLocalEdges(services, _localLedger);
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
        _replay = _services.GetRequiredService<ParkedReplay>();
        if (_localLedger is null)
        {
            _functions = new QueueFunctions(
                this,
                world,
                _services.GetRequiredService<InvocationTracker>(),
                _services.GetRequiredService<ProcessContentMessage>(),
                _services.GetRequiredService<ProcessResyncPack>());
            _timers = new TimerFunctions(_services, (ledger as ObservedLedger)?.Ledger ?? ledger);
            var api = new ApiFunctions(_services);
            _callers = new HttpCallers(world, _services, (route, request, cancellationToken) => api.HandleAsync(request, cancellationToken, route));
        }
        else
        {
            _localWork = _services.GetRequiredService<LocalWork>();
            _localResync = _services.GetRequiredService<LocalResync>();
            _callers = new HttpCallers(world, _services, (name, request, cancellationToken) =>
                ApiRoutes.All.First(route => route.Name == name).RespondAsync(_services, request, cancellationToken));
        }
    }

    public void Dispose()
    {
        // The queue of the local host could only be disposed asynchronously; it waits for nothing that still happens.
        if (_localWork is null) _services.Dispose();
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
        if (_localWork is not null)
        {
            _sweep.Value = new StrongBox<bool>();
            _localWork.Start();
            _sweep.Value = null;
            LaneRate.Enter();
            _localResync!.Start();
            LaneRate.Leave();
        }

        _world.Broker.Pump();
        _world.Lanes.Pump();
    }

    /// <summary>The timer of the app fires in this process.</summary>
    public void RunTimer(bool isMaintenance, Action completed)
    {
        Watch(_functions!.InvokeAsync(RunAsync));

        async Task RunAsync()
        {
            _sweep.Value = new StrongBox<bool>(IsStopped);
            await _timers!.RunAsync(isMaintenance, _stopping.Token).ConfigureAwait(false);
            completed();
        }
    }

    /// <summary>A sweep begins to read the ledger.</summary>
    public void SweepBegins()
    {
        if (_sweep.Value is { } sweep) sweep.Value = IsStopped;
    }

    /// <summary>The process enqueues messages.</summary>
    public void Enqueuing(int messages)
    {
        if (_sweep.Value is { Value: true }) _world.Invariants.EnqueuedWhileStopped(messages);
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
        // An older one may be at the end of its own timeout.
        var isYoung = _world.Time.Elapsed - call.SentAt < TimeSpan.FromSeconds(2);
        if (_world.Plan.SendsFromQueueOnly && isYoung && _world.Time.Elapsed - _stoppedAt < TimeSpan.FromMilliseconds(10))
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
        if (!isRandom && _world.Plan.CrashPoint?.IsAtCall(call) != true) return true;
        _world.Trace.Write(Name, $"will crash at port call {call}, {what}");
        crashesAfter = isRandom ? _world.Random.Chance(0.5) : _world.Plan.CrashPoint!.Moment == CrashMoment.AfterCall;
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
    public void Trigger(ResyncTrigger trigger, Action<bool> completed) => Watch(TriggerAsync(trigger, completed));

    /// <summary>Handles a caller's HTTP request. Passes to <paramref name="completed"/> whether the items were accepted.</summary>
    public void Serve(Submitted submitted, Action<bool> completed)
    {
        _waitingCallers.Add(completed);
        Watch(_functions is null ? ServeAsync() : _functions.InvokeAsync(ServeAsync));

        async Task ServeAsync()
        {
            var isAccepted = await SubmitAsync(submitted).ConfigureAwait(false);

            // A process that ended has answered its callers already.
            if (_waitingCallers.Remove(completed)) completed(isAccepted);
        }
    }

    public void ReplayParked() => Watch(ReplayAsync());

    private bool IsFrozen => _world.Time.Elapsed < _frozenUntil;

    private bool IsStopped => !_world.Plan.SharesBudget && CircuitBreaker.OpenState is not null;

    private void BeginShutDown(Action ended)
    {
        if (!IsAccepting) return;
        _world.Trace.Write(Name, $"shuts down");
        _stoppedAt = _world.Time.Elapsed;
        _stopping.Cancel();
        if (_localWork is null)
        {
            Watch(StopAsync());
            return;
        }

        var stopping = _localWork.StopAsync();
        Watch(stopping);
        _world.Time.After(LocalWork.StopTimeout + LocalEnd, () =>
        {
            // A wait that is cancelled ends on another thread, in real time.
            if (IsAlive && Task.WaitAny([stopping], MaxRealEnd) < 0) _world.Invariants.Report(Invariant.FlightsFinish, $"{Name} does not end");
            Ended();
        });

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

    private void AddCloudEdges(IServiceCollection services)
    {
        var port = new ResyncStorePort(this, _world, _storeClock);
        services
            .AddSingleton<IResyncStore>(_world.Runs is { } runs ? runs.Open(this, _storeClock) : port)
            .AddSingleton<ILaneProgressStore>(_world.LaneTable is { } lanes ? lanes.Open(this, _storeClock) : port)
            .AddSingleton(new ServiceBusQueues(
                new TransferSender(this, _world, _world.Broker), new TransferSender(this, _world, _world.Lanes), _storeClock))
            .AddSingleton<ISyncQueue>(provider => provider.GetRequiredService<ServiceBusQueues>())
            .AddSingleton<IResyncQueue>(provider => provider.GetRequiredService<ServiceBusQueues>())
            .AddBrokerLanes()
            .AddSingleton(new InvocationTracker(_clock, TaskCreationOptions.None))
            .AddSingleton<MessageSettler>()
            .AddSingleton<ProcessContentMessage>()
            .AddSingleton<ProcessResyncPack>();
        if (_world.Table is { } scanned) services.AddSingleton<ILedgerScan>(scanned.OpenScan(this, _storeClock));
        if (_world.Plan.SharesBudget)
        {
            services.AddSingleton<ISendStateStore>(
                _world.SendTable is { } sends ? sends.Open(this, _storeClock) : new SendStateConnection(this, _world));
        }
    }

    private void AddLocalEdges(IServiceCollection services, LocalLedger ledger)
    {
        var plan = _world.Plan;
        var options = new LocalWorkOptions
        {
            Workers = plan.HasHostSettings ? HostSettings.Workers : plan.Consumers,
            SweepInterval = plan.SweepInterval,
            Continuations = TaskCreationOptions.None,
        };
        services
            .AddSingleton(ledger.Scan)
            .AddSingleton(provider => ledger.Maintenance(provider.GetRequiredService<RetentionOptions>()))
            .AddSingleton<IResyncStore>(new LocalResyncStore(this, _world))
            .AddSingleton<ILogger<InProcessQueue>>(new LocalLog<InProcessQueue>(this, _world))
            .AddSingleton<ILogger<LocalResync>>(new LocalLog<LocalResync>(this, _world))
            .AddSingleton<ILogger<LocalWork>>(new LocalLog<LocalWork>(this, _world))
            .AddLocalWork(options)
            .AddSingleton<ISyncQueue>(provider => new LocalQueuePort(this, _world, provider));
    }

    private void AddResyncEdges(IServiceCollection services)
    {
        if (_world.Plan.Bulk is null)
        {
            services.AddSingleton(new ResyncSources(null));
            return;
        }

        services
            .AddSingleton(new ResyncSources(new CatalogPort(this, _world)))
            .AddSingleton<ICatalogPlanner>(provider => new PlannerPort(
                _world,
                this,
                provider.GetRequiredService<ILedgerScan>(),
                provider.GetRequiredService<CatalogReader>(),
                provider.StoreClock()));
    }

    private async Task<bool> SubmitAsync(Submitted submitted)
    {
        var disconnectsAfter = _world.Inject(Fault.CallerDisconnected)
            ? _world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(_world.Random.Pick(1, 20)))
            : Timeout.InfiniteTimeSpan;
        using var disconnected = new CancellationTokenSource(disconnectsAfter, _clock);
        using var aborted = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, disconnected.Token);
        try
        {
            return await _callers.SubmitAsync(submitted, aborted.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task TriggerAsync(ResyncTrigger trigger, Action<bool> completed)
    {
        var isDone = false;
        try
        {
            await StartOrCancelAsync(trigger).ConfigureAwait(false);
            isDone = true;
        }
        catch (Exception e) when (e is LedgerUnavailableException or QueueUnavailableException or IOException or OperationCanceledException)
        {
            // The caller tries again.
        }

        completed(isDone);
    }

    private async Task StartOrCancelAsync(ResyncTrigger trigger)
    {
        var runs = _services.GetRequiredService<ResyncRuns>();
        if (trigger.IsCancel)
        {
            var known = await runs.ListAsync(_stopping.Token).ConfigureAwait(false);
            if (known.FirstOrDefault(run => run.IsInProgress) is { } run) await runs.CancelAsync(run.RunId, _stopping.Token).ConfigureAwait(false);
            return;
        }

        if (_timers is not null && !trigger.IsLedger && trigger.Parameters == new ResyncParameters())
        {
            await _timers.StartResyncAsync(_stopping.Token).ConfigureAwait(false);
            return;
        }

        var sources = _services.GetRequiredService<ResyncSources>();
        var source = trigger.IsLedger ? sources.Ledger : sources.Catalog!;
        await runs.StartAsync(source, trigger.Parameters, _stopping.Token).ConfigureAwait(false);
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
        Action<bool>[] callers = [.. _waitingCallers];
        _waitingCallers.Clear();
        foreach (var caller in callers) caller(false);
        Dispose();
    }

    private void LoseDisk()
    {
        if (_localLedger is null) return;
        var losesPower = _world.Plan.CrashPoint is { } point ? point.Moment == CrashMoment.AtDiskWrite : _world.Random.Chance(0.5);
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
