namespace ContentSync.Diagnostics.Trends;

/// <summary>Keeps what each process did in the last day. Losing any of it loses figures only.</summary>
public interface ITrendStore
{
    /// <summary>Writes a row in place of what is known of the same quarter hour and process.</summary>
    /// <exception cref="TrendsUnavailableException">The store is unavailable; the row may have been written.</exception>
    ValueTask WriteAsync(TrendRow row, CancellationToken cancellationToken);

    /// <summary>The rows of the quarter hour that begins at <paramref name="from"/> and of later ones, in any order.</summary>
    /// <exception cref="TrendsUnavailableException">The store is unavailable.</exception>
    IAsyncEnumerable<TrendRow> ReadAsync(DateTimeOffset from, CancellationToken cancellationToken);

    /// <summary>Deletes the rows of quarter hours that began before <paramref name="quarter"/>, whichever process wrote them.</summary>
    /// <exception cref="TrendsUnavailableException">The store is unavailable; some rows may have been deleted.</exception>
    ValueTask DeleteBeforeAsync(DateTimeOffset quarter, CancellationToken cancellationToken);
}

/// <summary>The minutes of one process in one quarter hour.</summary>
/// <param name="Quarter">When the quarter hour began, in UTC.</param>
/// <param name="Process">Identifies the process: 32 hex digits, new ones for each start.</param>
/// <param name="Minutes">The minutes as text; at most <see cref="TrendText.MaxLength"/> characters.</param>
public sealed record TrendRow(DateTimeOffset Quarter, string Process, string Minutes);

/// <summary>The store of the trends cannot be read or written now. The message says why, and what would help.</summary>
public sealed class TrendsUnavailableException(string message, Exception? innerException = null) : IOException(message, innerException);
