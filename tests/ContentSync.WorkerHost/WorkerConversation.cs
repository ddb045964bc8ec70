using System.Collections.Concurrent;
using System.Threading.Channels;
using ContentSync.WorkerHost.Protocol;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Azure.ServiceBus.Grpc;

namespace ContentSync.WorkerHost;

/// <summary>The messages between the host and its one worker. Thread-safe.</summary>
internal sealed class WorkerConversation
{
    private readonly Channel<StreamingMessage> _outgoing = Channel.CreateUnbounded<StreamingMessage>();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<StreamingMessage>> _openRequests = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Connected => _connected.Task;

    public ConcurrentQueue<SettledMessage> Settled { get; } = new();

    public ConcurrentQueue<RpcLog> Logged { get; } = new();

    /// <summary>Ids of requests without a response so far.</summary>
    public IReadOnlyCollection<string> OpenInvocations => [.. _openRequests.Keys];

    public ValueTask SendAsync(StreamingMessage message, CancellationToken cancellationToken) =>
        _outgoing.Writer.WriteAsync(message, cancellationToken);

    /// <summary>Sends a message and waits for the response with the same id.</summary>
    public async Task<StreamingMessage> AskAsync(string id, StreamingMessage message, CancellationToken cancellationToken)
    {
        var response = new TaskCompletionSource<StreamingMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        _openRequests[id] = response;
        await SendAsync(message, cancellationToken);
        return await response.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Transfers messages in both directions until the worker closes the stream.</summary>
    public async Task RunAsync(
        IAsyncStreamReader<StreamingMessage> incoming, IServerStreamWriter<StreamingMessage> outgoing, CancellationToken cancellationToken)
    {
        var writing = WriteAsync(outgoing, cancellationToken);
        try
        {
            await foreach (var message in incoming.ReadAllAsync(cancellationToken)) Receive(message);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The worker's process exited.
        }

        foreach (var request in _openRequests.Values) request.TrySetException(new IOException("The worker closed the stream before it responded."));
        _outgoing.Writer.TryComplete();
        await writing;
    }

    private void Receive(StreamingMessage message)
    {
        switch (message.ContentCase)
        {
            case StreamingMessage.ContentOneofCase.StartStream:
                _connected.TrySetResult();
                break;
            case StreamingMessage.ContentOneofCase.RpcLog:
                Logged.Enqueue(message.RpcLog);
                break;
            case StreamingMessage.ContentOneofCase.InvocationResponse
                when _openRequests.TryRemove(message.InvocationResponse.InvocationId, out var invocation):
                invocation.TrySetResult(message);
                break;
            default:
                if (_openRequests.TryRemove(message.RequestId, out var request)) request.TrySetResult(message);
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
            // The worker's process exited.
        }
    }
}

/// <summary>How a message was settled.</summary>
/// <param name="How"><c>complete</c>, <c>abandon</c> or <c>deadLetter</c>.</param>
/// <param name="LockToken">The lock token of the delivery.</param>
/// <param name="Reason">The reason for dead-lettering; otherwise null.</param>
internal sealed record SettledMessage(string How, string LockToken, string? Reason);

internal sealed class FunctionRpcService(WorkerConversation conversation) : FunctionRpc.FunctionRpcBase
{
    public override Task EventStream(
        IAsyncStreamReader<StreamingMessage> requestStream, IServerStreamWriter<StreamingMessage> responseStream, ServerCallContext context) =>
        conversation.RunAsync(requestStream, responseStream, context.CancellationToken);
}

internal sealed class SettlementService(WorkerConversation conversation) : Settlement.SettlementBase
{
    public override Task<Empty> Complete(CompleteRequest request, ServerCallContext context) => Settle("complete", request.Locktoken, null);

    public override Task<Empty> Abandon(AbandonRequest request, ServerCallContext context) => Settle("abandon", request.Locktoken, null);

    public override Task<Empty> Deadletter(DeadletterRequest request, ServerCallContext context) =>
        Settle("deadLetter", request.Locktoken, request.DeadletterReason);

    private Task<Empty> Settle(string how, string lockToken, string? reason)
    {
        conversation.Settled.Enqueue(new SettledMessage(how, lockToken, reason));
        return Task.FromResult(new Empty());
    }
}
