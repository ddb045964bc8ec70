using ContentSync.AlipayHk;

namespace ContentSync.Synchronization;

/// <summary>
/// Tells a clock fault from an old response that was sent again: if two different items in a row get an outdated response, our clock
/// or AlipayHK's is wrong, so every item would fail alike. Until AlipayHK sends a valid response, each further outdated one counts as
/// a configuration fault, which keeps the circuit breaker open and spends no attempt. Shared by every sender in the process.
/// </summary>
public sealed class ClockFaultDetector
{
    private readonly Lock _lock = new();
    private string? _lastContentId;
    private bool _isFault;

    /// <summary>Returns the result, or a configuration fault in its place.</summary>
    /// <param name="contentId">The item that was sent.</param>
    /// <param name="result">Names both times in its message if it is outdated.</param>
    /// <param name="isItemAtFault">
    /// Others succeeded since the item failed last, so its outdated response does not count: something in between repeats it.
    /// </param>
    public SynchronizeResult Examine(string contentId, SynchronizeResult result, bool isItemAtFault)
    {
        if (result.Verification is not (SignatureVerification.Valid or SignatureVerification.Outdated)) return result;
        lock (_lock)
        {
            if (result.Verification == SignatureVerification.Valid)
            {
                (_lastContentId, _isFault) = (null, false);
                return result;
            }

            if (isItemAtFault) return result;
            _isFault |= _lastContentId is not null && _lastContentId != contentId;
            _lastContentId = contentId;
            return _isFault ? Fault(result) : result;
        }
    }

    private static SynchronizeResult Fault(SynchronizeResult result) => result with
    {
        Kind = SynchronizeResultKind.ConfigurationFault,
        Code = ClientCodes.ClockFault,
        Message = ResponseClassifier.Truncate($"{Wording.Sentence(result.Message)} It happened to two items in a row: check this machine's clock."),
    };
}
