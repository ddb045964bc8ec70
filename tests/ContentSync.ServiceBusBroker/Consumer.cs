using Amqp;
using Amqp.Listener;

namespace ContentSync.ServiceBusBroker;

/// <summary>A receiving link that is attached to a queue, or to one session of it.</summary>
/// <param name="link">To the client.</param>
/// <param name="deletesOnReceipt">The client receives and deletes; otherwise it locks and settles.</param>
/// <param name="lane">The session that the link has locked; null on a queue without sessions.</param>
internal sealed class Consumer(ListenerLink link, bool deletesOnReceipt, SessionLane? lane)
{
    public ListenerLink Link => link;

    public bool DeletesOnReceipt => deletesOnReceipt;

    public SessionLane? Lane => lane;

    public LinkCredit Credit { get; } = new(link);

    public bool IsClosed { get; set; }

    public bool CanTake => !IsClosed && !link.IsClosed && Credit.Left > 0;

    /// <exception cref="AmqpException">The link is going away.</exception>
    /// <exception cref="ObjectDisposedException">The connection is gone.</exception>
    public void Send(Message message)
    {
        link.SendMessage(message);
        SessionWindow.Reopen(link.Session);
    }

    /// <summary>Closes the link with an error, as Service Bus does when a session's lock has run out.</summary>
    public void Close(string condition, string description)
    {
        try
        {
            link.Close(TimeSpan.Zero, new Amqp.Framing.Error(new Amqp.Types.Symbol(condition)) { Description = description });
        }
        catch (Exception e) when (e is AmqpException or ObjectDisposedException or TimeoutException)
        {
            // It was closed from the other side at the same moment.
        }
    }
}
