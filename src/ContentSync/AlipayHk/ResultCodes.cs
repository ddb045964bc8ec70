using System.Collections.Frozen;

namespace ContentSync.AlipayHk;

/// <summary>
/// What AlipayHK's result codes mean for an item. The code decides before the status: UNKNOWN_EXCEPTION carries F and is to be
/// retried, by AlipayHK's own documentation.
/// </summary>
public static class ResultCodes
{
    /// <summary>Done.</summary>
    public const string Success = "SUCCESS";

    /// <summary>resultStatus of a success.</summary>
    public const string StatusSuccess = "S";

    /// <summary>resultStatus of a failure.</summary>
    public const string StatusFailure = "F";

    /// <summary>resultStatus of an unknown outcome.</summary>
    public const string StatusUnknown = "U";

    /// <summary>
    /// Every code that means something of its own. Four are documented for this API (SUCCESS, PARAM_ILLEGAL, CONTENT_RISKY,
    /// UNKNOWN_EXCEPTION), the others for sibling APIs of the same gateway.
    /// </summary>
    public static FrozenDictionary<string, SynchronizeResultKind> Table { get; } = new Dictionary<string, SynchronizeResultKind>(StringComparer.Ordinal)
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
    /// A configuration fault's code counts under any status but S. Then S is a success unless the code says otherwise, U is an
    /// unknown outcome under any code, F goes by the table and is permanent for a code that is not in it. Anything else,
    /// a status of another spelling among it, is retried: never a success, never a reason to give an item up.
    /// </summary>
    public static SynchronizeResultKind Classify(string code, string status)
    {
        var known = Table.TryGetValue(code, out var verdict);
        if (known && verdict == SynchronizeResultKind.ConfigurationFault && status != StatusSuccess) return verdict;
        return status switch
        {
            StatusSuccess => !known || verdict == SynchronizeResultKind.Succeeded ? SynchronizeResultKind.Succeeded : SynchronizeResultKind.Retryable,
            StatusFailure when !known => SynchronizeResultKind.Rejected,
            StatusFailure => verdict == SynchronizeResultKind.Succeeded ? SynchronizeResultKind.Retryable : verdict,
            _ => SynchronizeResultKind.Retryable,
        };
    }
}
