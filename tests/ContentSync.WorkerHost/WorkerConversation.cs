using System.Collections.Concurrent;
using System.Threading.Channels;
using ContentSync.WorkerHost.Protocol;
using Grpc.Core;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Azure.ServiceBus.Grpc;

namespace ContentSync.WorkerHost;

/// <summary>The messages between the host and its one worker. Thread-safe.</summary>
internal sealed class WorkerConversation
{
    private readonly Channel<StreamingMessage> _outgoing = Channel.CreateUnbounded<StreamingMessage>();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<StreamingMessage>> _asked = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Connected => _connected.Task;

    public ConcurrentQueue<SettledMessage> Settled { get; } = new();

    public ConcurrentQueue<RpcLog> Logged { get; } = new();

    /// <summary>Ids of what was asked and not answered yet.</summary>
    public IReadOnlyCollection<string> InvocationsUnderWay => [.. _asked.Keys];

    public ValueTask SendAsync(StreamingMessage message, CancellationToken cancellationToken) => _outgoing.Writer.WriteAsync(message, cancellationToken);

    /// <summary>Sends and waits for the answer with that id.</summary>
    public async Task<StreamingMessage> AskAsync(string id, StreamingMessage message, CancellationToken cancellationToken)
    {
        var answer = new TaskCompletionSource<StreamingMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        _asked[id] = answer;
        await SendAsync(message, cancellationToken);
        return await answer.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Carries messages both ways until the worker closes the stream.</summary>
    public async Task RunAsync(IAsyncStreamReader<StreamingMessage> incoming, IServerStreamWriter<StreamingMessage> outgoing, CancellationToken cancellationToken)
    {
        var writing = WriteAsync(outgoing, cancellationToken);
        try
        {
            await foreach (var message in incoming.ReadAllAsync(cancellationToken)) Take(message);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The worker's process ended.
        }

        foreach (var waiting in _asked.Values) waiting.TrySetException(new IOException("The worker closed the stream before it answered."));
        _outgoing.Writer.TryComplete();
        await writing;
    }

    private void Take(StreamingMessage message)
    {
        switch (message.ContentCase)
        {
            case StreamingMessage.ContentOneofCase.StartStream:
                _connected.TrySetResult();
                break;
            case StreamingMessage.ContentOneofCase.RpcLog:
                Logged.Enqueue(message.RpcLog);
                break;
            case StreamingMessage.ContentOneofCase.InvocationResponse when _asked.TryRemove(message.InvocationResponse.InvocationId, out var invoked):
                invoked.TrySetResult(message);
                break;
            default:
                if (_asked.TryRemove(message.RequestId, out var asked)) asked.TrySetResult(message);
                break;
        }
    }

    private async Task WriteAsync(IServerStreamWriter<StreamingMessage> outgoing, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var message in _outgoing.Reader.ReadAllAsync(cancellationToken)) await outgoing.WriteAsync(message, cancellationToken);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException)
        {
            // The worker's process ended.
        }
    }
}

/// <summary>How a message was settled.</summary>
/// <param name="How"><c>complete</c>, <c>abandon</c> or <c>deadLetter</c>.</param>
/// <param name="LockToken">Of the delivery.</param>
/// <param name="Reason">Of a dead letter.</param>
internal sealed record SettledMessage(string How, string LockToken, string? Reason);

internal sealed class FunctionRpcService(WorkerConversation conversation) : FunctionRpc.FunctionRpcBase
{
    public override Task EventStream(IAsyncStreamReader<StreamingMessage> requestStream, IServerStreamWriter<StreamingMessage> responseStream, ServerCallContext context) =>
        conversation.RunAsync(requestStream, responseStream, context.CancellationToken);
}

internal sealed class SettlementService(WorkerConversation conversation) : Settlement.SettlementBase
{
    public override Task<Empty> Complete(CompleteRequest request, ServerCallContext context) => Settle("complete", request.Locktoken, null);

    public override Task<Empty> Abandon(AbandonRequest request, ServerCallContext context) => Settle("abandon", request.Locktoken, null);

    public override Task<Empty> Deadletter(DeadletterRequest request, ServerCallContext context) => Settle("deadLetter", request.Locktoken, request.DeadletterReason);

    private Task<Empty> Settle(string how, string lockToken, string? reason)
    {
        conversation.Settled.Enqueue(new SettledMessage(how, lockToken, reason));
        return Task.FromResult(new Empty());
    }
}
