namespace ContentSync.Budget;

/// <summary>Keeps the one document that all processes of the app share.</summary>
public interface ISendStateStore
{
    /// <summary>Reads the document; an empty one if none was written yet.</summary>
    /// <exception cref="SendStateUnavailableException">The store cannot be read.</exception>
    ValueTask<StoredSendState> ReadAsync(CancellationToken cancellationToken);

    /// <summary>Writes the document if no other write came since it was read.</summary>
    /// <param name="state">The new document.</param>
    /// <param name="tag">From <see cref="ReadAsync"/>.</param>
    /// <param name="cancellationToken">Ends the wait; the document may have been written.</param>
    /// <returns>Whether it was written. False may also follow a write of ours whose first response was lost.</returns>
    /// <exception cref="SendStateUnavailableException">The store cannot be written, or whether it was written is unknown.</exception>
    ValueTask<bool> TryWriteAsync(SharedSendState state, string? tag, CancellationToken cancellationToken);
}

/// <summary>The document as it was read.</summary>
/// <param name="State">The document.</param>
/// <param name="Tag">Its version; null if none was written yet.</param>
/// <param name="Time">
/// The store's clock, in whole seconds rounded down, read between the request and its response. The clocks of a store's front ends may differ by
/// up to <see cref="SendBudget.MaxClockDifference"/>.
/// </param>
public sealed record StoredSendState(SharedSendState State, string? Tag, DateTimeOffset Time);

/// <summary>The shared document cannot be read or written now. The message says why, and what would help.</summary>
public sealed class SendStateUnavailableException(string message, Exception? innerException = null) : IOException(message, innerException);
