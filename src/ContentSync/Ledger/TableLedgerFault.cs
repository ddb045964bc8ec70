using System.Net.Sockets;
using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using Azure.Identity;

namespace ContentSync.Ledger;

/// <summary>Classifies the faults of Table storage and describes them in sentences that a person can act on.</summary>
internal static class TableLedgerFault
{
    /// <summary>Whether the record was written or deleted by another caller since it was read.</summary>
    public static bool IsConflict(RequestFailedException fault) => fault.Status switch
    {
        412 => true,
        409 => fault.ErrorCode == TableErrorCode.EntityAlreadyExists,
        404 => fault.ErrorCode != TableErrorCode.TableNotFound,
        _ => false,
    };

    /// <summary>Whether the same request may succeed a moment later.</summary>
    public static bool IsTransient(RequestFailedException fault) => fault.Status is 408 or 429 or 500 or 502 or 503 or 504;

    /// <summary>
    /// Whether the store failed, rather than this program. The client collects the faults of its retries in an
    /// <see cref="AggregateException"/> and reports its own network timeout as a cancellation.
    /// </summary>
    public static bool IsStorage(Exception fault) =>
        fault is RequestFailedException or AggregateException or AuthenticationFailedException or OperationCanceledException;

    /// <summary>Calls Table storage and throws what <paramref name="unavailable"/> makes of a fault of the store.</summary>
    public static async Task<T> GuardAsync<T>(Func<Task<T>> call, Func<Exception, Exception> unavailable)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (Exception fault) when (IsStorage(fault))
        {
            throw unavailable(fault);
        }
    }

    /// <summary>Converts <paramref name="fault"/> to the exception to throw.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static LedgerUnavailableException Of(TableClient table, Exception fault, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var last = fault is AggregateException { InnerExceptions: [.., var inner] } ? inner : fault;
        return new LedgerUnavailableException(Sentence(table, last), fault);
    }

    public static LedgerUnavailableException TableMissing(TableClient table) =>
        new($"The table {table.Name} does not exist at {Host(table)}; create it first.");

    public static LedgerUnavailableException TooManyConflicts(TableClient table, int attempts) =>
        new($"Writing a record to the table {table.Name} failed {attempts} times because other writers changed it; try again.");

    private static string Sentence(TableClient table, Exception fault) => fault switch
    {
        AuthenticationFailedException =>
            $"No token for the table {table.Name} is available ({FirstLine(fault)}); check the identity that the app runs as.",
        RequestFailedException { Status: 401 or 403 } denied =>
            $"The table {table.Name} refused access ({denied.ErrorCode ?? "no code"}); the app's identity needs the role "
            + "Storage Table Data Contributor, and the account's network rules must admit it.",
        RequestFailedException { Status: 404 } => TableMissing(table).Message,
        RequestFailedException { Status: 429 or 503 } busy =>
            $"The table {table.Name} is throttled ({busy.ErrorCode ?? "no code"}); try again later.",
        RequestFailedException { Status: not 0 } other =>
            $"The table {table.Name} returned status {other.Status} ({other.ErrorCode ?? "no code"}); try again later.",
        OperationCanceledException => $"The table {table.Name} at {Host(table)} did not respond in time; try again later.",
        _ => $"The table {table.Name} at {Host(table)} cannot be reached{SocketError(fault)}; check the address and the account's network rules.",
    };

    private static string Host(TableClient table) => table.Uri.Authority;

    private static string SocketError(Exception fault)
    {
        for (var cause = fault; cause is not null; cause = cause.InnerException)
        {
            if (cause is SocketException socket) return $" ({socket.SocketErrorCode})";
        }

        return "";
    }

    private static string FirstLine(Exception fault)
    {
        var lines = fault.Message.AsSpan().Trim().EnumerateLines();
        return lines.MoveNext() ? lines.Current.TrimEnd('.').ToString() : "";
    }
}
