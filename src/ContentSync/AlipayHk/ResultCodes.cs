using System.Collections.Frozen;

namespace ContentSync.AlipayHk;

/// <summary>
/// Maps AlipayHK's result codes to result kinds. The code takes precedence over the status: AlipayHK documents UNKNOWN_EXCEPTION
/// with status F, and says to retry it.
/// </summary>
public static class ResultCodes
{
    /// <summary>resultCode of a success.</summary>
    public const string Success = "SUCCESS";

    /// <summary>resultStatus of a success.</summary>
    public const string StatusSuccess = "S";

    /// <summary>resultStatus of a failure.</summary>
    public const string StatusFailure = "F";

    /// <summary>resultStatus of an unknown outcome.</summary>
    public const string StatusUnknown = "U";

    /// <summary>
    /// All codes with a known meaning. SUCCESS, PARAM_ILLEGAL, CONTENT_RISKY and UNKNOWN_EXCEPTION are documented for this API, the
    /// others for sibling APIs of the same gateway.
    /// </summary>
    public static FrozenDictionary<string, SynchronizeResultKind> Table { get; } = new Dictionary<string, SynchronizeResultKind>
    {
        [Success] = SynchronizeResultKind.Succeeded,
        ["PARAM_ILLEGAL"] = SynchronizeResultKind.Rejected,
        ["CONTENT_RISKY"] = SynchronizeResultKind.Rejected,
        ["PROCESS_FAIL"] = SynchronizeResultKind.Rejected,
        ["BIZ_ERROR_NO_RETRY"] = SynchronizeResultKind.Rejected,
        ["UNKNOWN_EXCEPTION"] = SynchronizeResultKind.Retryable,
        ["SYSTEM_ERROR"] = SynchronizeResultKind.Retryable,
        ["BIZ_ERROR_NEED_RETRY"] = SynchronizeResultKind.Retryable,
        ["INVALID_SIGNATURE"] = SynchronizeResultKind.ConfigurationFault,
        ["SIGNATURE_INVALID"] = SynchronizeResultKind.ConfigurationFault,
        ["INVALID_CLIENT"] = SynchronizeResultKind.ConfigurationFault,
        ["INVALID_API"] = SynchronizeResultKind.ConfigurationFault,
        ["METHOD_NOT_SUPPORTED"] = SynchronizeResultKind.ConfigurationFault,
        ["MEDIA_TYPE_NOT_ACCEPTABLE"] = SynchronizeResultKind.ConfigurationFault,
        ["ACCESS_FORBIDDEN"] = SynchronizeResultKind.ConfigurationFault,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>
    /// The only success is SUCCESS with S; either with anything else is contradictory and retried. The code of a configuration fault
    /// applies with any status but S. Otherwise, U is an unknown outcome with any code; F follows the table, and is a rejection for a
    /// code that is not in it. Any other status, including another spelling of these, is retried: it is neither a success nor a reason
    /// to park the item.
    /// </summary>
    public static SynchronizeResultKind Classify(string code, string status)
    {
        var known = Table.TryGetValue(code, out var kind);
        if (known && kind == SynchronizeResultKind.ConfigurationFault && status != StatusSuccess) return kind;
        return status switch
        {
            StatusSuccess when known && kind == SynchronizeResultKind.Succeeded => kind,
            StatusFailure when !known => SynchronizeResultKind.Rejected,
            StatusFailure => kind == SynchronizeResultKind.Succeeded ? SynchronizeResultKind.Retryable : kind,
            _ => SynchronizeResultKind.Retryable,
        };
    }
}
