using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Amqp.Types;

namespace ContentSync.ServiceBusBroker;

/// <summary>The broker's end of a link on which a client receives.</summary>
internal sealed class ReceiverEndpoint(BrokerQueue queue, Consumer consumer, BrokerLoop loop) : LinkEndpoint
{
    public override void OnFlow(FlowContext flowContext)
    {
        consumer.Credit.OnFlow(flowContext.Messages);
        loop.Post(() =>
        {
            queue.Pump(consumer);
            if (flowContext.Link.IsDraining) flowContext.Link.CompleteDrain();
        });
    }

    public override void OnDisposition(DispositionContext dispositionContext)
    {
        // The library "releases" the unsettled messages of a closing link. Ignored: the broker itself decides their state.
        var link = dispositionContext.Link;
        if (link.IsClosed || link.LinkState >= LinkState.DetachPipe) return;
        var (message, state, isSettled) = (dispositionContext.Message, dispositionContext.DeliveryState, dispositionContext.Settled);
        loop.Post(() =>
        {
            var outcome = Settle(message, state);
            if (isSettled) return;
            try
            {
                link.DisposeMessage(message, outcome, true);
            }
            catch (Exception e) when (e is AmqpException or ObjectDisposedException)
            {
                // The connection is closed; the outcome of the settlement cannot be delivered.
            }
        });
    }

    public override void OnMessage(MessageContext messageContext) =>
        throw new NotSupportedException("A client must not send on a receiving link.");

    private DeliveryState Settle(Message message, DeliveryState state)
    {
        if (consumer.DeletesOnReceipt || !queue.Deliveries.TryGet(message, out var delivery)) return new Accepted();
        var isHeld = state switch
        {
            Accepted => queue.TryComplete(delivery.LockToken),
            Rejected rejected => queue.TryDeadLetter(delivery.LockToken, rejected.Error?.Info),
            Modified { UndeliverableHere: true } deferred => queue.TryDefer(delivery.LockToken, deferred.MessageAnnotations),
            Modified abandoned => queue.TryAbandon(delivery.LockToken, abandoned.MessageAnnotations),
            Released => queue.TryRelease(delivery.LockToken),
            _ => false,
        };
        if (isHeld) return new Accepted();
        return new Rejected { Error = new Error(new Symbol(queue.LostCondition(delivery.Message))) { Description = Conditions.LockInvalid } };
    }
}
