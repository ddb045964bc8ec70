using System.Diagnostics;
using ContentSync.Budget;
using ContentSync.Catalog;
using ContentSync.Ledger;

namespace ContentSync.Local.Pipeline;

/// <summary>What a log may say of an exception.</summary>
internal static class FaultText
{
    /// <summary>
    /// The message of an expected exception; of any other one the type and where it was thrown, because its message may quote what was being
    /// processed.
    /// </summary>
    public static string Of(Exception exception)
    {
        if (exception is IOException or UnauthorizedAccessException or LedgerUnavailableException or SendStateUnavailableException
            or CatalogFormatException or CommandException)
        {
            return exception.Message;
        }

        var thrower = new StackTrace(exception).GetFrame(0) is { } frame ? DiagnosticMethodInfo.Create(frame) : null;
        return thrower is null ? $"{exception.GetType().Name}." : $"{exception.GetType().Name} in {thrower.DeclaringTypeName}.{thrower.Name}.";
    }
}
