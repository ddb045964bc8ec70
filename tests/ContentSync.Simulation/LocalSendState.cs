using ContentSync.Budget;
using ContentSync.Sqlite;

namespace ContentSync.Simulation;

/// <summary>
/// The switch, the send budget and the circuit breaker of the local host: the real store, in a file on the machine's own disk. The process may
/// end, or the power fail, at any write.
/// </summary>
internal sealed class LocalSendState : ISendStateStore
{
    /// <summary>More writes and syncs than a change takes.</summary>
    private const int MaxWrites = 14;

    private readonly SimulatedProcess _process;
    private readonly World _world;
    private readonly LocalDisk _local;
    private readonly SqliteSendStateStore _store;
    private bool _isOpen;

    public LocalSendState(SimulatedProcess process, World world, TimeProvider clock)
    {
        (_process, _world, _local) = (process, world, world.Local!);
        _store = new SqliteSendStateStore(_local.SendStateFile, clock) { FileLayer = MemoryFiles.Name };
    }

    /// <summary>Takes over from the process before, as the host does before it does anything else.</summary>
    /// <exception cref="SendStateUnavailableException">The file cannot be read or written.</exception>
    public void Open(SendSwitch sendSwitch)
    {
        _local.SendStateOpened(Complete(_store.ReadAsync(CancellationToken.None)).State);
        Complete(sendSwitch.TakeOverAsync(CancellationToken.None));
        _isOpen = true;
    }

    public ValueTask<StoredSendState> ReadAsync(CancellationToken cancellationToken) =>
        CallAsync("read send state", () => Complete(_store.ReadAsync(CancellationToken.None)), cancellationToken);

    public ValueTask<bool> TryWriteAsync(SharedSendState state, string? tag, CancellationToken cancellationToken) =>
        CallAsync("write send state", () => Write(state, tag), cancellationToken);

    private bool Write(SharedSendState state, string? tag)
    {
        var ends = _isOpen && _world.Inject(Fault.LossInCommit);
        if (ends) _local.Disk.StopAfter(_world.Random.Next(MaxWrites));
        if (_world.IsDown(Fault.DiskFull)) _world.Faults.Add(Fault.DiskFull);
        try
        {
            var isWritten = Complete(_store.TryWriteAsync(state, tag, CancellationToken.None));
            if (!isWritten) return false;
            _world.Trace.Write(_process.Name, $"writes {SimulatedSendState.Text(state)}");
            _local.SendStateWritten(state);
            return true;
        }
        catch (SendStateUnavailableException)
        {
            _local.DoubtSendState(state);
            throw;
        }
        finally
        {
            if (ends || (_isOpen && _local.Disk.HasStopped)) _process.Crash(_world.Plan.RestartTime);
        }
    }

    private async ValueTask<T> CallAsync<T>(string what, Func<T> effect, CancellationToken cancellationToken)
    {
        if (!_isOpen) return effect();
        Func<T>? result = null;
        await _process.CallAsync(what, Act, new CallBehavior(_world.ShortDelay(), TimeSpan.Zero), cancellationToken).ConfigureAwait(false);
        return result!();

        // What a process that ended meanwhile had asked for no longer happens.
        bool Act()
        {
            if (!_process.IsAlive) return false;
            result = PortResult.Of(effect);
            return true;
        }
    }

    // Nothing waits: SQLite returns when it is done.
    private static T Complete<T>(ValueTask<T> call) => call.IsCompleted
        ? call.GetAwaiter().GetResult()
        : throw new InvalidOperationException("The simulated code moved to another thread.");
}
