using System.Reflection;
using Amqp;
using Amqp.Listener;

namespace ContentSync.ServiceBusBroker;

/// <summary>
/// The credit that a receiving client has granted. AMQPNetLite 2.5.5 does not expose it, and sets it to zero on a flow that does not raise the
/// limit. Microsoft's client sends such a flow whenever it drains, so this class records the limit and restores the credit.
/// </summary>
internal sealed class LinkCredit(ListenerLink link)
{
    private const BindingFlags Private = BindingFlags.NonPublic | BindingFlags.Instance;

    private static readonly FieldInfo Credit = typeof(ListenerLink).GetField("credit", Private)!;
    private static readonly FieldInfo DeliveryCount = typeof(ListenerLink).GetField("deliveryCount", Private)!;
    private static readonly FieldInfo SequenceValue = DeliveryCount.FieldType.GetFields(Private)[0];

    private readonly object _lock = typeof(Link).GetField("lockObject", Private)!.GetValue(link)!;
    private uint _limit;

    /// <summary>Messages that may be sent now.</summary>
    public int Left
    {
        get
        {
            lock (_lock) return unchecked((int)(uint)Credit.GetValue(link)!);
        }
    }

    /// <summary>Updates the limit from a flow.</summary>
    /// <param name="raisedBy">The change of the client's limit as the library computes it; may be negative.</param>
    public void OnFlow(int raisedBy)
    {
        lock (_lock)
        {
            unchecked
            {
                var sent = (uint)Convert.ToInt64(SequenceValue.GetValue(DeliveryCount.GetValue(link)), null);
                if (raisedBy > 0)
                {
                    _limit = sent + (uint)Credit.GetValue(link)!;
                    return;
                }

                // The client may have lowered its limit below the number of messages already sent.
                _limit += (uint)raisedBy;
                if ((int)(_limit - sent) < 0) _limit = sent;
                Credit.SetValue(link, _limit - sent);
            }
        }
    }
}
