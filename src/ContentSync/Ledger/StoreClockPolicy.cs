using Azure.Core;
using Azure.Core.Pipeline;

namespace ContentSync.Ledger;

/// <summary>
/// Adjusts a <see cref="StoreClock"/> to every response of a client. Every client of the storage needs it, not only the ledger's: the first
/// call of a process may go to another one, and what it writes must not carry the time of a wall clock that is wrong. Add it to
/// <see cref="ClientOptions"/> at the position <see cref="HttpPipelinePosition.PerRetry"/>, so that each attempt is timed by itself.
/// </summary>
/// <param name="clock">The clock of the process; any clock but a <see cref="StoreClock"/> is left alone.</param>
public sealed class StoreClockPolicy(TimeProvider clock) : HttpPipelinePolicy
{
    /// <inheritdoc/>
    public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
    {
        var sentAt = clock.GetTimestamp();
        await ProcessNextAsync(message, pipeline).ConfigureAwait(false);
        Observe(message, sentAt);
    }

    /// <inheritdoc/>
    public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
    {
        var sentAt = clock.GetTimestamp();
        ProcessNext(message, pipeline);
        Observe(message, sentAt);
    }

    private void Observe(HttpMessage message, long sentAt)
    {
        if (message.HasResponse && message.Response.Headers.Date is { } date) (clock as StoreClock)?.Observe(date, sentAt);
    }
}
