using Azure.Core;
using Azure.Core.Pipeline;

namespace ContentSync.Tests.Ledger;

/// <summary>
/// Sits between the client and the table service. Counts requests and, on demand, runs code before a write or loses the response to one.
/// </summary>
internal sealed class TableInterference : HttpPipelinePolicy
{
    private int _reads;
    private int _writes;
    private Func<Task>? _beforeWrite;
    private Func<Task>? _afterLostResponse;

    public int Reads => Volatile.Read(ref _reads);

    public int Writes => Volatile.Read(ref _writes);

    /// <summary>Loses the response to the next write, so that the client sends the write again.</summary>
    /// <param name="then">Runs before the client's retry.</param>
    public void LoseNextResponse(Func<Task>? then = null) => _afterLostResponse = then ?? (() => Task.CompletedTask);

    /// <summary>Runs <paramref name="act"/> before the next write is sent.</summary>
    public void BeforeNextWrite(Func<Task> act) => _beforeWrite = act;

    public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();

    public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
    {
        var isRead = message.Request.Method == RequestMethod.Get;
        Interlocked.Increment(ref isRead ? ref _reads : ref _writes);
        if (!isRead && Interlocked.Exchange(ref _beforeWrite, null) is { } act) await act();
        await ProcessNextAsync(message, pipeline);
        if (isRead || Interlocked.Exchange(ref _afterLostResponse, null) is not { } then) return;
        await then();
        throw new IOException("The connection broke.");
    }
}
