using ContentSync.Diagnostics;
using ContentSync.Signing;

namespace ContentSync.Functions;

/// <summary>
/// Measures how long a signature takes, the wait for its turn and for another vault included, and gives up on it in time: while every
/// vault throttles, the pool would let its caller wait until the whole attempt ran out, and the item would have spent it.
/// </summary>
internal sealed class TimeoutSigner(IRequestSigner signer, TimeSpan timeout, TimeProvider time) : IRequestSigner
{
    /// <inheritdoc/>
    public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        var began = time.GetTimestamp();
        var result = "failed";
        try
        {
            var signature = await signer.SignAsync(sha256, either.Token).ConfigureAwait(false);
            result = "signed";
            return signature;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SigningUnavailableException($"No vault signed within {timeout.TotalSeconds:0.#} s.", null, e);
        }
        finally
        {
            Telemetry.SignDuration.Record(time.GetElapsedTime(began).TotalSeconds, new KeyValuePair<string, object?>("result", result));
        }
    }
}
