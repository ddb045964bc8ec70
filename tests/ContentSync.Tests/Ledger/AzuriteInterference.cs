using Azure.Core;
using Azure.Core.Pipeline;

namespace ContentSync.Tests.Ledger;

/// <summary>Sits between the client and Azurite: counts what is sent, and on demand comes before a write or loses the answer to it.</summary>
internal sealed class AzuriteInterference : HttpPipelinePolicy
{
    private int _reads;
    private int _writes;
    private Func<Task>? _beforeWrite;
    private Func<Task>? _afterLostAnswer;

    public int Reads => Volatile.Read(ref _reads);

    public int Writes => Volatile.Read(ref _writes);

    /// <summary>The next write's answer is lost; the client is then going to send the write again.</summary>
    /// <param name="then">Done before it does.</param>
    public void LoseNextAnswer(Func<Task>? then = null) => _afterLostAnswer = then ?? (() => Task.CompletedTask);

    /// <summary>Does something before the next write is sent.</summary>
    public void BeforeNextWrite(Func<Task> act) => _beforeWrite = act;

    public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();

    public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
    {
        var isRead = message.Request.Method == RequestMethod.Get;
        Interlocked.Increment(ref isRead ? ref _reads : ref _writes);
        if (!isRead && Interlocked.Exchange(ref _beforeWrite, null) is { } act) await act();
        await ProcessNextAsync(message, pipeline);
        if (isRead || Interlocked.Exchange(ref _afterLostAnswer, null) is not { } then) return;
        await then();
        throw new IOException("The connection broke.");
    }
}
