using System.Collections.Concurrent;
using Amqp;
using Amqp.Framing;
using Amqp.Handler;
using Amqp.Listener;
using Amqp.Types;

namespace ContentSync.ServiceBusBroker;

/// <summary>Attaches clients' links to the queues, and sets the outgoing fields that AMQPNetLite leaves to a handler.</summary>
internal sealed class QueueLinks(IReadOnlyDictionary<string, BrokerQueue> queues, BrokerLoop loop, BrokerFaults faults, TimeProvider time)
    : ILinkProcessor, IHandler
{
    /// <summary>How long before the client's timeout a session request is refused, so that the refusal arrives in time.</summary>
    private static readonly TimeSpan Headroom = TimeSpan.FromMilliseconds(300);

    private readonly ConcurrentDictionary<ListenerLink, SessionRequest> _waiting = new();

    public void Process(AttachContext attachContext)
    {
        var clientSends = attachContext.Link.Role;
        var address = clientSends ? ((Target)attachContext.Attach.Target).Address : ((Source)attachContext.Attach.Source).Address;
        if (AmqpText.NameOf(address) is not { } name || !queues.TryGetValue(name, out var queue))
        {
            Refuse(attachContext, Conditions.NotFound, $"The messaging entity '{address}' could not be found.");
            return;
        }

        if (clientSends)
        {
            attachContext.Complete(new SenderEndpoint(queue, loop, faults), SenderEndpoint.Credit);
            return;
        }

        var filters = ((Source)attachContext.Attach.Source).FilterSet;
        var asksForSession = filters is not null && filters.ContainsKey(SessionRequest.Filter);
        if (asksForSession != queue.Options.RequiresSession)
        {
            Refuse(attachContext, Conditions.NotAllowed, queue.Options.RequiresSession
                ? "It is not possible for an entity that requires sessions to create a non-sessionful message receiver."
                : "A sessionful message receiver cannot be created on an entity that does not require sessions.");
            return;
        }

        var deletesOnReceipt = attachContext.Attach.SndSettleMode == SenderSettleMode.Settled;
        if (asksForSession) AttachToSession(attachContext, queue, filters![SessionRequest.Filter], deletesOnReceipt);
        else loop.Post(() => attachContext.Complete(new ReceiverEndpoint(queue, queue.Attach(attachContext.Link, deletesOnReceipt), loop), 0));
    }

    public bool CanHandle(EventId id) => id is EventId.SendDelivery or EventId.LinkLocalOpen or EventId.LinkRemoteClose;

    public void Handle(Event protocolEvent)
    {
        switch (protocolEvent.Id)
        {
            case EventId.SendDelivery when protocolEvent.Context is IDelivery delivery:
                delivery.Tag = LockToken(delivery.Message).ToByteArray();
                break;
            case EventId.LinkLocalOpen when protocolEvent.Context is Attach attach:
                attach.MaxMessageSize = (ulong)MaxMessageBytes(attach);
                break;
            case EventId.LinkRemoteClose when protocolEvent.Link is ListenerLink link && _waiting.TryRemove(link, out var request):
                // The client detached before its attach completed. Complete it now, so that the detach finds an attached link.
                request.TryRefuse(Conditions.DetachForced, "The receiver was closed while it waited for a session.");
                break;
        }
    }

    private void AttachToSession(AttachContext context, BrokerQueue queue, object filter, bool deletesOnReceipt)
    {
        var timeout = context.Attach.Properties?[new Symbol("com.microsoft:timeout")] is { } milliseconds
            ? TimeSpan.FromMilliseconds(Convert.ToDouble(milliseconds, null))
            : TimeSpan.FromMinutes(1);
        var sessionId = (filter is DescribedValue described ? described.Value : filter) as string;
        var request = new SessionRequest(context, sessionId, deletesOnReceipt, time.GetUtcNow() + timeout - Headroom);
        _waiting[context.Link] = request;
        context.Link.AddClosedCallback((_, _) =>
        {
            _waiting.TryRemove(context.Link, out _);
            loop.Post(() => queue.GiveUp(request));
        });
        loop.Post(() => queue.WaitForSession(request));
    }

    private Guid LockToken(Message? message)
    {
        if (message is not null)
        {
            foreach (var queue in queues.Values)
            {
                if (queue.Deliveries.TryGet(message, out var delivery)) return delivery.LockToken;
            }
        }

        return Guid.NewGuid();
    }

    private int MaxMessageBytes(Attach attach) =>
        AmqpText.NameOf((attach.Target as Target)?.Address) is { } name && queues.TryGetValue(name, out var queue)
            ? queue.Options.MaxMessageBytes
            : 1024 * 1024;

    private static void Refuse(AttachContext context, string condition, string description) =>
        context.Complete(new Error(new Symbol(condition)) { Description = description });
}
