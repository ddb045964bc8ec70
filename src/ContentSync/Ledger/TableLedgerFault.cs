using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using Azure.Identity;

namespace ContentSync.Ledger;

/// <summary>Tells the faults of Table storage apart and puts them into sentences that a person can act on.</summary>
internal static class TableLedgerFault
{
    /// <summary>Someone else wrote, or deleted, the record since it was read.</summary>
    public static bool IsConflict(RequestFailedException fault) => fault.Status switch
    {
        412 => true,
        409 => fault.ErrorCode == TableErrorCode.EntityAlreadyExists,
        404 => fault.ErrorCode != TableErrorCode.TableNotFound,
        _ => false,
    };

    /// <summary>
    /// The store's fault, not the program's. The client gathers the faults of its retries in an <see cref="AggregateException"/>,
    /// and reports its own network timeout as a cancellation that nobody asked for.
    /// </summary>
    public static bool IsStorage(Exception fault) =>
        fault is RequestFailedException or AggregateException or AuthenticationFailedException or OperationCanceledException;

    /// <summary>The exception to throw instead of <paramref name="fault"/>.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static LedgerUnavailableException Of(TableClient table, Exception fault, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var last = fault is AggregateException { InnerExceptions: [.., var inner] } ? inner : fault;
        return new LedgerUnavailableException(Sentence(table, last), fault);
    }

    public static LedgerUnavailableException TableMissing(TableClient table) =>
        new($"The table {table.Name} does not exist at {Host(table)}; create it first.");

    public static LedgerUnavailableException TooManyConflicts(TableClient table, int tries) =>
        new($"A record in the table {table.Name} was changed by others {tries} times while it was to be written; try again.");

    private static string Sentence(TableClient table, Exception fault) => fault switch
    {
        AuthenticationFailedException => $"No token for the table {table.Name} could be had ({FirstLine(fault)}); check the identity the app runs as.",
        RequestFailedException { Status: 401 or 403 } denied => $"The table {table.Name} refused access ({denied.ErrorCode ?? "no code"}); the app's identity needs the role Storage Table Data Contributor, and the account's network rules must let it in.",
        RequestFailedException { Status: 404 } => TableMissing(table).Message,
        RequestFailedException { Status: 429 or 503 } busy => $"The table {table.Name} is throttled ({busy.ErrorCode ?? "no code"}); try again later.",
        RequestFailedException { Status: not 0 } other => $"The table {table.Name} answered {other.Status} ({other.ErrorCode ?? "no code"}); try again later.",
        OperationCanceledException => $"The table {table.Name} at {Host(table)} did not answer in time; try again later.",
        _ => $"The table {table.Name} at {Host(table)} cannot be reached ({FirstLine(fault)}).",
    };

    private static string Host(TableClient table) => table.Uri.Authority;

    private static string FirstLine(Exception fault) => fault.Message.AsSpan().Trim().EnumerateLines() is var lines && lines.MoveNext() ? lines.Current.TrimEnd('.').ToString() : "";
}
