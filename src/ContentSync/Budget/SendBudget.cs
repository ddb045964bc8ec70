using ContentSync.Diagnostics;
using ContentSync.Diagnostics.Trends;
using ContentSync.Signing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Budget;

/// <summary>The budget of all processes of the app together.</summary>
/// <param name="PerSecond">Requests per second agreed with AlipayHK; null for no limit.</param>
/// <param name="ReservedShare">The share that bulk sends leave to single changes, 0 to less than 1.</param>
public sealed record SendBudgetOptions(double? PerSecond, double ReservedShare = 0);

/// <summary>
/// This process's part of the app's send budget. It leases a part only while it sends, renews it every 9 s, asks for what its callers lately
/// asked for, and gives it back 30 s after the last request. Without a store, the process has the whole budget. Thread-safe; one per process.
/// </summary>
/// <remarks>The README.md beside this file describes the protocol and why no window exceeds the budget.</remarks>
public sealed partial class SendBudget : IAsyncDisposable, IDisposable
{
    /// <summary>How long a process may send after the read on which its lease is based.</summary>
    public static readonly TimeSpan LeaseDuration = TimeSpan.FromSeconds(30);

    /// <summary>Upper bound of the difference between the clocks of the store's front ends.</summary>
    public static readonly TimeSpan MaxClockDifference = TimeSpan.FromSeconds(5);

    /// <summary>Time between two renewals. Every process that sends sees a change of the document this soon.</summary>
    public static readonly TimeSpan RenewalInterval = TimeSpan.FromSeconds(9);

    /// <summary>Time after the last request at which the lease is given back.</summary>
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How often the demand is compared with what was asked for, and how soon a failed renewal is tried again.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    /// <summary>How often a process without a unit asks for one.</summary>
    private static readonly TimeSpan StarvedInterval = TimeSpan.FromSeconds(3);

    /// <summary>How long giving back may take when the process ends.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(3);

    private const int MaxConflicts = 12;

    /// <summary>A process that uses this share of what it has could use more.</summary>
    private const double FullUse = 0.9;

    private readonly SendBudgetOptions _options;
    private readonly ISendStateStore? _store;
    private readonly TimeProvider _time;
    private readonly string _id;
    private readonly Func<double> _jitter;
    private readonly ILogger _logger;
    private readonly SendSwitch? _switch;
    private readonly Func<IReadOnlyList<VaultStatus>> _vaultStatus;
    private readonly TrendRecorder? _trends;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _renewing = new(1, 1);
    private readonly Lock _lock = new();
    private readonly DemandMeter _all = new();
    private readonly DemandMeter _bulk = new();
    private readonly long _began;
    private Held _held = new(0, 0, 0);
    private Held? _rising;
    private long _risesAt;
    private long? _leasedAt;
    private DateTimeOffset _leasedAtWall;
    private (int Single, int Bulk) _asked;
    private int _free;
    private long? _renewedAt;
    private long? _triedAt;
    private TimeSpan _interval = RenewalInterval;
    private long? _usedAt;
    private int _waiting;
    private int _bulkWaiting;
    private int _bulkQueued;
    private int _queued;
    private TaskCompletionSource _changed = new();
    private bool _isRunning;
    private Task _running = Task.CompletedTask;
    private string? _fault;

    /// <param name="options">The budget of all processes together.</param>
    /// <param name="store">Shared by all processes; null if this process has the whole budget.</param>
    /// <param name="time">Clock for rates and leases. Its wall clock serves only to notice that the machine slept.</param>
    /// <param name="id">Identifies this process; a new one for each start.</param>
    /// <param name="jitter">Draws uniformly from 0 to less than 1.</param>
    /// <param name="logger">Receives faults of the store.</param>
    /// <param name="sendSwitch">Stops all sending while it is paused, and learns from each renewal; null without one.</param>
    /// <param name="vaultStatus">The state of each vault, for display; null without a pool of vaults.</param>
    /// <param name="trends">Writes what it counted with each renewal; null without trends.</param>
    public SendBudget(
        SendBudgetOptions options,
        ISendStateStore? store,
        TimeProvider time,
        string id,
        Func<double> jitter,
        ILogger<SendBudget> logger,
        SendSwitch? sendSwitch = null,
        Func<IReadOnlyList<VaultStatus>>? vaultStatus = null,
        TrendRecorder? trends = null)
    {
        _trends = trends;
        _vaultStatus = vaultStatus ?? (static () => []);
        _switch = sendSwitch;
        _options = options;
        _store = options.PerSecond is null ? null : store;
        _time = time;
        _id = id;
        _jitter = jitter;
        _logger = logger;
        _began = time.GetTimestamp();
    }

    /// <summary>The budget of a process that has the whole of it.</summary>
    public static SendBudget Whole(SendBudgetOptions options, TimeProvider time) =>
        new(options, null, time, "", () => 0, NullLogger<SendBudget>.Instance);

    /// <summary>The whole budget: requests per second; null for no limit.</summary>
    public double? Ceiling => _options.PerSecond;

    /// <summary>By then this process's part has grown with what it asks for, if others leave it room; zero without a store.</summary>
    internal TimeSpan GrowthTime => _store is null ? TimeSpan.Zero : StarvedInterval + Tick;

    /// <summary>What went wrong with the store; null while it works.</summary>
    public string? Fault
    {
        get
        {
            lock (_lock) return _fault;
        }
    }

    /// <summary>Requests per second that this process may send now; 0 without a lease, infinity without a limit.</summary>
    public double PerSecond
    {
        get
        {
            if (_store is null) return _options.PerSecond ?? double.PositiveInfinity;
            if (_switch?.Known.PauseOf(null) is not null) return 0;
            lock (_lock)
            {
                var held = Current();
                return held.Charge == 0 ? 0 : held.Charge == BudgetRule.Units(held.Budget) ? held.Budget : held.Charge;
            }
        }
    }

    /// <summary>Bulk sends per second that this process may start now; infinity without a limit.</summary>
    public double BulkPerSecond
    {
        get
        {
            if (_store is null) return (_options.PerSecond ?? double.PositiveInfinity) * (1 - _options.ReservedShare);
            lock (_lock)
            {
                var held = Current();
                return BudgetRule.BulkUnits(BudgetRule.Units(held.Budget), _options.ReservedShare) > 0
                    ? held.Bulk
                    : held.Charge * held.Budget * (1 - _options.ReservedShare);
            }
        }
    }

    /// <summary>
    /// This process's part of the whole budget, above 0 to 1. Every signature follows a turn of the budget, so the vaults' limits are divided
    /// in the same proportion.
    /// </summary>
    public double Share
    {
        get
        {
            if (_store is null) return 1;
            lock (_lock)
            {
                var held = Current();
                return Math.Max(1.0, held.Charge) / BudgetRule.Units(held.Budget > 0 ? held.Budget : _options.PerSecond!.Value);
            }
        }
    }

    /// <summary>Counts a request that wants to be sent.</summary>
    public void Ask() => Ask(isBulk: false);

    /// <summary>Counts a bulk send that starts. Its request counts once more with <see cref="Ask()"/>.</summary>
    public void AskForBulk() => Ask(isBulk: true);

    /// <summary>
    /// Counts a bulk send that begins (1) or ends (-1) to wait for its turn. Those that wait are demand: a page of a run asks for all of its
    /// items at once, and then for none until they were sent.
    /// </summary>
    public void CountBulkWaiting(int change)
    {
        Interlocked.Add(ref _bulkQueued, change);
        if (change > 0 && _store is not null) Use();
    }

    /// <summary>Counts a request that begins (1) or ends (-1) to wait for its turn.</summary>
    internal void CountWaiting(int change) => Interlocked.Add(ref _queued, change);

    /// <summary>Waits until this process may send.</summary>
    /// <returns>False if it still may not after <paramref name="maxWait"/>.</returns>
    public ValueTask<bool> WaitAsync(TimeSpan maxWait, CancellationToken cancellationToken) =>
        PerSecond > 0 ? ValueTask.FromResult(true) : WaitAsync(isBulk: false, maxWait, cancellationToken);

    /// <summary>Waits until this process may start bulk sends.</summary>
    /// <returns>False if it still may not after <paramref name="maxWait"/>.</returns>
    public ValueTask<bool> WaitForBulkAsync(TimeSpan maxWait, CancellationToken cancellationToken) =>
        BulkPerSecond > 0 ? ValueTask.FromResult(true) : WaitAsync(isBulk: true, maxWait, cancellationToken);

    /// <summary>Gives the lease back. Nothing may be sent afterwards.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested) return;
        Stop();
        await _running.ConfigureAwait(false);
        bool hasLease;
        lock (_lock) hasLease = _leasedAt is not null;
        if (hasLease)
        {
            using var timeout = new CancellationTokenSource(StopTimeout, _time);
            await TryRenewAsync(giveBack: true, timeout.Token).ConfigureAwait(false);
        }

        _stopping.Dispose();
        _renewing.Dispose();
    }

    /// <summary>Stops without giving the lease back; it expires.</summary>
    public void Dispose() => Stop();

    // CancelAsync would resume the waiting code on the thread pool (see TimedWait).
    private void Stop() => _stopping.Cancel();

    private void Ask(bool isBulk)
    {
        if (_store is null) return;
        lock (_lock)
        {
            var second = (long)_time.GetElapsedTime(_began).TotalSeconds;
            (isBulk ? _bulk : _all).Add(second);
        }

        Use();
    }

    private void Use()
    {
        lock (_lock)
        {
            _usedAt = _time.GetTimestamp();
            if (_isRunning || _stopping.IsCancellationRequested) return;
            _isRunning = true;
        }

        _running = RunAsync();
    }

    private async ValueTask<bool> WaitAsync(bool isBulk, TimeSpan maxWait, CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        Ask(isBulk);
        lock (_lock)
        {
            _waiting += isBulk ? 0 : 1;
            _bulkWaiting += isBulk ? 1 : 0;
        }

        try
        {
            while (true)
            {
                Task changed;
                TimeSpan wait;
                lock (_lock)
                {
                    if ((isBulk ? BulkPerSecond : PerSecond) > 0) return true;
                    var left = maxWait == Timeout.InfiniteTimeSpan ? Tick : maxWait - _time.GetElapsedTime(began);
                    if (left <= TimeSpan.Zero) return false;
                    wait = Min(left, _rising is null ? Tick : _time.GetElapsedTime(_time.GetTimestamp(), _risesAt) + TimeSpan.FromTicks(1));
                    changed = _changed.Task;
                }

                await Task.WhenAny(changed, _time.WaitAsync(wait, cancellationToken).AsTask()).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            lock (_lock)
            {
                _waiting -= isBulk ? 0 : 1;
                _bulkWaiting -= isBulk ? 1 : 0;
            }
        }
    }

    /// <summary>Renews the lease while the process sends; ends when it has been idle.</summary>
    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                if (IsIdle())
                {
                    await TryRenewAsync(giveBack: true, _stopping.Token).ConfigureAwait(false);
                    lock (_lock)
                    {
                        if (IsIdle())
                        {
                            _isRunning = false;
                            return;
                        }
                    }
                }

                if (IsDue()) await TryRenewAsync(giveBack: false, _stopping.Token).ConfigureAwait(false);
                await _time.WaitAsync(UntilNext(), _stopping.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The process ends; DisposeAsync gives the lease back.
        }
    }

    private bool IsIdle()
    {
        lock (_lock) return _waiting + _bulkWaiting + Volatile.Read(ref _bulkQueued) == 0 && Since(_usedAt) >= IdleTimeout;
    }

    private bool IsDue()
    {
        lock (_lock)
        {
            if (Since(_triedAt) < Tick) return false;
            if (_renewedAt is null || _fault is not null || Since(_renewedAt) >= _interval) return true;
            var wants = Wants();
            if (Current().Charge == 0 && wants.Single + wants.Bulk > 0) return Since(_renewedAt) >= StarvedInterval;
            return (wants.Single > 1.5 * _asked.Single && wants.Single > _asked.Single + 1 && (_free > 0 || Current().Single == 0))
                || (wants.Bulk > 1.5 * _asked.Bulk && (_free > 0 || Current().Bulk == 0))
                || (wants.Single + wants.Bulk < (_asked.Single + _asked.Bulk) / 2 && Since(_renewedAt) >= StarvedInterval);
        }
    }

    private TimeSpan UntilNext()
    {
        lock (_lock)
        {
            var left = _interval - Since(_renewedAt);
            return left > TimeSpan.Zero ? Min(left, Tick) : Tick;
        }
    }

    private async Task TryRenewAsync(bool giveBack, CancellationToken cancellationToken)
    {
        await _renewing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            lock (_lock) _triedAt = _time.GetTimestamp();
            await RenewAsync(giveBack, cancellationToken).ConfigureAwait(false);
            lock (_lock) _fault = null;
        }
        catch (SendStateUnavailableException e)
        {
            lock (_lock)
            {
                if (_fault == e.Message) return;
                _fault = e.Message;
            }

            LogUnavailable(e.Message);
        }
        catch (OperationCanceledException) when (giveBack)
        {
            // The lease expires instead.
        }
        finally
        {
            _renewing.Release();
        }
    }

    private async Task RenewAsync(bool giveBack, CancellationToken cancellationToken)
    {
        for (var conflicts = 0; conflicts < MaxConflicts; conflicts++)
        {
            var began = _time.GetTimestamp();
            var beganWall = _time.GetUtcNow();
            var read = await _store!.ReadAsync(cancellationToken).ConfigureAwait(false);
            _switch?.Observe(read, began);
            var vaults = giveBack ? null : Vaults();
            BudgetPlan plan;
            (int Single, int Bulk) wants;
            lock (_lock)
            {
                wants = giveBack ? (0, 0) : Wants();

                // The store's clock may be a second later than it says, because it says whole seconds only.
                var latest = read.Time + TimeSpan.FromSeconds(1);
                plan = BudgetRule.Renew(read.State, new BudgetRequest(
                    _id,
                    _options.PerSecond!.Value,
                    _options.ReservedShare,
                    wants.Single,
                    wants.Bulk,
                    read.Time,
                    Stamp: latest + _time.GetElapsedTime(began),
                    Expires: latest + LeaseDuration,
                    Waiting: Volatile.Read(ref _queued) + _bulkWaiting,
                    vaults));

                // Slow down before others can read that they may have the rest. If the result of the write stays unknown, so does the
                // smaller rate, until a later write is confirmed.
                var held = Current();
                _held = new Held(Math.Min(held.Single, plan.Single), Math.Min(held.Bulk, plan.Bulk), plan.PerSecond);
                _rising = null;
            }

            if (await _store.TryWriteAsync(plan.State, read.Tag, cancellationToken).ConfigureAwait(false))
            {
                Confirmed(plan, wants, began, beganWall, giveBack);
                if (!giveBack) _trends?.SetBudget(plan.PerSecond);

                // In the background, so that a slow write never delays the next renewal. A process that gives its lease back may stay idle.
                _trends?.Save(all: giveBack);
                return;
            }

            await _time.WaitAsync(TimeSpan.FromMilliseconds(20 + (80 * _jitter())), cancellationToken).ConfigureAwait(false);
        }

        throw new SendStateUnavailableException($"Another process changed the send budget in each of {MaxConflicts} attempts to renew a lease.");
    }

    private List<VaultUse>? Vaults()
    {
        var vaults = _vaultStatus().Select(vault => new VaultUse(vault.Vault, Math.Round(vault.SignaturesPerSecond, 1), vault.IsThrottled)).ToList();
        foreach (var vault in vaults)
            Telemetry.VaultRate.Record(vault.PerSecond, new("vault", vault.Vault), new("state", vault.State()));
        return vaults.Count == 0 ? null : vaults;
    }

    private void Confirmed(BudgetPlan plan, (int Single, int Bulk) wants, long began, DateTimeOffset beganWall, bool giveBack)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            _leasedAt = giveBack ? null : began;
            _leasedAtWall = beganWall;
            _renewedAt = _leasedAt;
            _asked = wants;
            _free = plan.Free;

            // Processes that started together must not renew together forever.
            _interval = RenewalInterval - TimeSpan.FromMilliseconds(500 * _jitter());
            var held = new Held(plan.Single, plan.Bulk, plan.PerSecond);
            var window = (long)(BudgetRule.Window(plan.PerSecond).TotalSeconds * _time.TimestampFrequency);
            if (plan.IsWarm) (_rising, _risesAt) = (held, now + window);
            else (_held, _rising) = (held, null);
            (changed, _changed) = (_changed, new TaskCompletionSource());
            Telemetry.BudgetLeased.Record(held.Charge);
            Telemetry.BudgetWaiting.Record(Volatile.Read(ref _queued) + _bulkWaiting);
        }

        changed.TrySetResult();
    }

    /// <summary>What may be used now. The process may just have slept, so the wall clock must not have run ahead of the monotonic one.</summary>
    private Held Current()
    {
        if (_leasedAt is not { } leasedAt
            || _time.GetElapsedTime(leasedAt) >= LeaseDuration
            || _time.GetUtcNow() - _leasedAtWall >= LeaseDuration)
        {
            (_held, _rising) = (_held with { Single = 0, Bulk = 0 }, null);
        }
        else if (_rising is { } rising && _time.GetTimestamp() >= _risesAt)
        {
            (_held, _rising) = (rising, null);
        }

        return _held;
    }

    private (int Single, int Bulk) Wants()
    {
        var held = Current();
        var units = BudgetRule.Units(held.Budget > 0 ? held.Budget : _options.PerSecond!.Value);
        var second = (long)_time.GetElapsedTime(_began).TotalSeconds;
        var started = _bulk.Peak(second);
        var single = Math.Max(_waiting, Math.Max(_all.Peak(second), Volatile.Read(ref _queued)) - started);
        var bulk = Math.Max(started, Volatile.Read(ref _bulkQueued));
        var max = Math.Max(1, BudgetRule.BulkUnits(units, _options.ReservedShare));
        var bulkWants = _bulkWaiting > 0 || (bulk > 0 && bulk >= FullUse * held.Bulk) ? max : bulk > 0 ? WithRoom(bulk) : 0;

        // A process that holds nothing does not know yet how much it needs, and its callers wait.
        var singleWants = held.Charge == 0 ? Math.Max((units - max) / 2, (2 * single) + 1)
            : single >= FullUse * held.Single ? (2 * single) + 1
            : WithRoom(single);
        return (Math.Min(units, singleWants), Math.Min(max, bulkWants));
    }

    private static int WithRoom(int demand) => (int)Math.Ceiling(1.25 * demand) + 1;

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private TimeSpan Since(long? then) => then is { } timestamp ? _time.GetElapsedTime(timestamp) : TimeSpan.MaxValue;

    [LoggerMessage(
        EventId = 2401, Level = LogLevel.Warning, Message = "The send budget cannot be renewed; sending stops when the lease ends. {Reason}")]
    private partial void LogUnavailable(string reason);

    /// <param name="Single">Units for single changes.</param>
    /// <param name="Bulk">Units for bulk sends.</param>
    /// <param name="Budget">The whole budget in force; 0 before the first lease.</param>
    private readonly record struct Held(int Single, int Bulk, double Budget)
    {
        public int Charge => Single + Bulk;
    }
}
