using Azure.Messaging.ServiceBus;
using ContentSync.Functions;
using ContentSync.Synchronization;
using Grpc.Core;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Simulation;

/// <summary>The functions of the two queues, and what the Functions host does around them.</summary>
internal sealed class QueueFunctions(
    SimulatedProcess process, World world, InvocationTracker invocations, ProcessContentMessage content, ProcessResyncPack packs)
{
    private readonly HashSet<(SimulatedQueue Queue, long LockToken)> _handling = [];
    private int _contentMessages;
    private int _invoked;

    public bool HasCapacity => _contentMessages < world.Plan.Consumers;

    public bool IsHandling(SimulatedQueue queue, long lockToken) => _handling.Contains((queue, lockToken));

    /// <summary>Runs the function for a message, and abandons the message when the function fails.</summary>
    public async Task RunAsync(SimulatedQueue queue, ServiceBusReceivedMessage message, long lockToken)
    {
        _handling.Add((queue, lockToken));
        if (queue.HasSessions) process.LaneRate.Enter();
        else _contentMessages++;
        var settlement = new HostSettlement(process, world, queue, lockToken);
        var began = world.Time.Elapsed;
        try
        {
            await InvokeAsync(() => queue.HasSessions
                ? packs.RunAsync(message, settlement, CancellationToken.None)
                : content.RunAsync(message, settlement, CancellationToken.None)).ConfigureAwait(false);
        }
        catch (Exception e) when (IsCancelled(e) ? process.WasFrozenAfter(began) : e is QueueUnavailableException or RpcException)
        {
            await settlement.AbandonAfterFailureAsync().ConfigureAwait(false);
        }
        finally
        {
            _handling.Remove((queue, lockToken));
            if (!queue.HasSessions) _contentMessages--;
            world.Broker.Pump();
        }
    }

    /// <summary>An invocation of a function.</summary>
    public async Task InvokeAsync(Func<Task> function)
    {
        _invoked++;
        try
        {
            await invocations.Invoke(null!, _ => function()).ConfigureAwait(false);
        }
        finally
        {
            _invoked--;
        }
    }

    /// <summary>Waits for the running invocations, at most for the time that the host has to shut down.</summary>
    public async Task StopAsync(TimeSpan limit, TimeProvider clock)
    {
        var began = world.Time.Elapsed;
        using var atLimit = new CancellationTokenSource(limit, clock);
        await invocations.StoppingAsync(atLimit.Token).ConfigureAwait(false);
        if (_invoked > 0 && !process.WasFrozenAfter(began))
            world.Invariants.Report(Invariant.FlightsFinish, $"{process.Name} ends while {_invoked} functions run");
    }

    // Only a process that was frozen has no time left to settle a message.
    private static bool IsCancelled(Exception e) => e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled };
}

/// <summary>Sends to a queue like Microsoft's client: what it sends at once is one transfer, with the session of its first message.</summary>
internal sealed class TransferSender(SimulatedProcess process, World world, SimulatedQueue queue) : ServiceBusSender
{
    /// <summary>Max bytes per transfer in the tier Standard.</summary>
    private const int MaxTransferBytes = 256 * 1024;

    /// <summary>Lower estimate of the sections and annotations of a message, and of the names and lengths of its properties.</summary>
    private const int EnvelopeBytes = 100;

    /// <inheritdoc/>
    public override async Task SendMessagesAsync(IEnumerable<ServiceBusMessage> messages, CancellationToken cancellationToken = default)
    {
        ServiceBusMessage[] transfer = [.. messages];
        if (transfer.Length == 0) return;
        process.Enqueuing(transfer.Length);
        var bytes = transfer.Sum(SizeOf);
        if (bytes > MaxTransferBytes)
            world.Invariants.Report(Invariant.TransfersFit, $"{transfer.Length} messages of {bytes} bytes are sent at once");
        var session = transfer[0].SessionId;
        process.Settling();
        await process.CallAsync(
            "enqueue",
            () =>
            {
                foreach (var message in transfer)
                {
                    world.Trace.Write(process.Name, $"enqueues {message.MessageId}");
                    queue.Put(message, session);
                }

                return true;
            },
            BrokerCalls.Next(world, Unavailable),
            cancellationToken).ConfigureAwait(false);
    }

    private static int SizeOf(ServiceBusMessage message)
    {
        var bytes = EnvelopeBytes + message.Body.ToMemory().Length + message.MessageId.Length;
        foreach (var (name, value) in message.ApplicationProperties) bytes += name.Length + (value as string)?.Length ?? sizeof(int);
        return bytes;
    }

    private static ServiceBusException Unavailable() => new("The broker does not respond.", ServiceBusFailureReason.ServiceTimeout);
}

/// <summary>Settles a message through the Functions host. A fault is an <see cref="RpcException"/>, a cancellation too.</summary>
internal sealed class HostSettlement(SimulatedProcess process, World world, SimulatedQueue queue, long lockToken) : ServiceBusMessageActions
{
    /// <inheritdoc/>
    public override Task CompleteMessageAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default) =>
        SettleAsync("complete", () => queue.Settle(lockToken, "is complete"), cancellationToken);

    /// <inheritdoc/>
    public override Task AbandonMessageAsync(
        ServiceBusReceivedMessage message,
        IDictionary<string, object>? propertiesToModify = default,
        CancellationToken cancellationToken = default) =>
        SettleAsync("abandon", () => queue.Unlock(lockToken, "is abandoned"), cancellationToken);

    /// <inheritdoc/>
    public override Task DeadLetterMessageAsync(
        ServiceBusReceivedMessage message,
        Dictionary<string, object>? propertiesToModify = default,
        string? deadLetterReason = default,
        string? deadLetterErrorDescription = default,
        CancellationToken cancellationToken = default) =>
        SettleAsync("dead-letter", () => queue.DeadLetter(lockToken, deadLetterReason!, deadLetterErrorDescription!), cancellationToken);

    /// <summary>The host abandons the message because its function failed.</summary>
    public async Task AbandonAfterFailureAsync()
    {
        try
        {
            await SettleAsync("abandon", () => queue.Unlock(lockToken, "is abandoned"), CancellationToken.None).ConfigureAwait(false);
        }
        catch (RpcException)
        {
            // The lock expires.
        }
    }

    private async Task SettleAsync(string what, Func<bool> effect, CancellationToken cancellationToken)
    {
        bool isLocked;
        process.Settling();
        try
        {
            isLocked = await process.CallAsync(what, effect, BrokerCalls.Next(world, Unavailable), cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new RpcException(new Status(StatusCode.Cancelled, "The call was cancelled."));
        }

        if (!isLocked) throw new RpcException(new Status(StatusCode.Unknown, "The lock is lost: another receiver has the message."));
    }

    private static RpcException Unavailable() => new(new Status(StatusCode.Unknown, "The broker does not respond."));
}

/// <summary>Faults of calls to the broker.</summary>
internal static class BrokerCalls
{
    public static CallBehavior Next(World world, Func<Exception> unavailable)
    {
        if (world.InjectOutage(Fault.BrokerOutage)) return new CallBehavior(world.ShortDelay(), TimeSpan.FromSeconds(2), IsLost: true, unavailable);
        if (world.Inject(Fault.SettlementLost))
            return new CallBehavior(world.ShortDelay(), TimeSpan.FromSeconds(2), world.Random.Chance(0.5), unavailable);
        return new CallBehavior(world.ShortDelay(), world.ShortDelay());
    }
}
