using ContentSync.Diagnostics;
using ContentSync.Signing;

namespace ContentSync.Functions;

/// <summary>
/// Measures how long a signature takes, including the wait for a turn and for another vault, and limits it: while every vault throttles,
/// the pool would keep its caller waiting until the whole attempt timed out, and the item would have spent the attempt.
/// </summary>
internal sealed class TimeoutSigner(IRequestSigner signer, TimeSpan timeout, TimeProvider time) : IRequestSigner
{
    /// <inheritdoc/>
    public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(timeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        var start = time.GetTimestamp();
        var result = "failed";
        try
        {
            var signature = await signer.SignAsync(sha256, linked.Token).ConfigureAwait(false);
            result = "signed";
            return signature;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SigningUnavailableException($"No vault signed within {timeout.TotalSeconds:0.#} s.", null, e);
        }
        finally
        {
            Telemetry.SignDuration.Record(time.GetElapsedTime(start).TotalSeconds, new KeyValuePair<string, object?>("result", result));
        }
    }
}
