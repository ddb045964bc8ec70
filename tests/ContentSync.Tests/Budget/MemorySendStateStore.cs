using System.Globalization;
using ContentSync.Budget;

namespace ContentSync.Tests.Budget;

/// <summary>The shared document in memory. Thread-safe.</summary>
internal sealed class MemorySendStateStore(TimeProvider time) : ISendStateStore
{
    private readonly Lock _lock = new();
    private SharedSendState _state = new();
    private long _version;
    private int _reads;

    public int Reads => Volatile.Read(ref _reads);

    public bool IsDown { get; set; }

    public ValueTask<StoredSendState> ReadAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _reads);
        ThrowIfDown();
        lock (_lock) return ValueTask.FromResult(new StoredSendState(_state, Tag, time.GetUtcNow()));
    }

    public ValueTask<bool> TryWriteAsync(SharedSendState state, string? tag, CancellationToken cancellationToken)
    {
        ThrowIfDown();
        lock (_lock)
        {
            if (tag != Tag) return ValueTask.FromResult(false);
            (_state, _version) = (state, _version + 1);
            return ValueTask.FromResult(true);
        }
    }

    private string? Tag => _version == 0 ? null : _version.ToString(CultureInfo.InvariantCulture);

    private void ThrowIfDown()
    {
        if (IsDown) throw new SendStateUnavailableException("The store is away.");
    }
}
