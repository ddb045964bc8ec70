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
    public static FrozenDictionary<string, AnswerVerdict> Table { get; } = new Dictionary<string, AnswerVerdict>(StringComparer.Ordinal)
    {
        [Success] = AnswerVerdict.Succeeded,
        ["PARAM_ILLEGAL"] = AnswerVerdict.Rejected,
        ["CONTENT_RISKY"] = AnswerVerdict.Rejected,
        ["PROCESS_FAIL"] = AnswerVerdict.Rejected,
        ["BIZ_ERROR_NO_RETRY"] = AnswerVerdict.Rejected,
        ["UNKNOWN_EXCEPTION"] = AnswerVerdict.Retryable,
        ["SYSTEM_ERROR"] = AnswerVerdict.Retryable,
        ["BIZ_ERROR_NEED_RETRY"] = AnswerVerdict.Retryable,
        ["INVALID_SIGNATURE"] = AnswerVerdict.ConfigurationFault,
        ["SIGNATURE_INVALID"] = AnswerVerdict.ConfigurationFault,
        ["INVALID_CLIENT"] = AnswerVerdict.ConfigurationFault,
        ["INVALID_API"] = AnswerVerdict.ConfigurationFault,
        ["METHOD_NOT_SUPPORTED"] = AnswerVerdict.ConfigurationFault,
        ["MEDIA_TYPE_NOT_ACCEPTABLE"] = AnswerVerdict.ConfigurationFault,
        ["ACCESS_FORBIDDEN"] = AnswerVerdict.ConfigurationFault,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>
    /// A configuration fault's code counts under any status but S. Then S is a success unless the code says otherwise, U is an
    /// unknown outcome under any code, F goes by the table and is permanent for a code that is not in it. Anything else,
    /// a status of another spelling among it, is retried: never a success, never a reason to give an item up.
    /// </summary>
    public static AnswerVerdict Classify(string code, string status)
    {
        var known = Table.TryGetValue(code, out var verdict);
        if (known && verdict == AnswerVerdict.ConfigurationFault && status != StatusSuccess) return verdict;
        return status switch
        {
            StatusSuccess => !known || verdict == AnswerVerdict.Succeeded ? AnswerVerdict.Succeeded : AnswerVerdict.Retryable,
            StatusFailure when !known => AnswerVerdict.Rejected,
            StatusFailure => verdict == AnswerVerdict.Succeeded ? AnswerVerdict.Retryable : verdict,
            _ => AnswerVerdict.Retryable,
        };
    }
}
