using Amqp;
using Amqp.Listener;

namespace ContentSync.ServiceBusBroker;

/// <summary>A receiving link attached to a queue or to one of its sessions.</summary>
/// <param name="link">The link to the client.</param>
/// <param name="deletesOnReceipt">The client uses ReceiveAndDelete; otherwise it locks and settles messages.</param>
/// <param name="lane">The session that the link has locked; null on a queue without sessions.</param>
internal sealed class Consumer(ListenerLink link, bool deletesOnReceipt, SessionLane? lane)
{
    public ListenerLink Link => link;

    public bool DeletesOnReceipt => deletesOnReceipt;

    public SessionLane? Lane => lane;

    public LinkCredit Credit { get; } = new(link);

    public bool IsClosed { get; set; }

    public bool CanTake => !IsClosed && !link.IsClosed && Credit.Left > 0;

    /// <exception cref="AmqpException">The link is closing.</exception>
    /// <exception cref="ObjectDisposedException">The connection is gone.</exception>
    public void Send(Message message)
    {
        link.SendMessage(message);
        SessionWindow.Reopen(link.Session);
    }

    /// <summary>Closes the link with an error, as Service Bus does when a session's lock has expired.</summary>
    public void Close(string condition, string description)
    {
        try
        {
            link.Close(TimeSpan.Zero, new Amqp.Framing.Error(new Amqp.Types.Symbol(condition)) { Description = description });
        }
        catch (Exception e) when (e is AmqpException or ObjectDisposedException or TimeoutException)
        {
            // The client closed it concurrently.
        }
    }
}
