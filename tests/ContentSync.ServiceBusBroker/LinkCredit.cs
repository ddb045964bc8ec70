using System.Reflection;
using Amqp;
using Amqp.Listener;

namespace ContentSync.ServiceBusBroker;

/// <summary>
/// The credit that a receiving peer has granted. AMQPNetLite keeps it to itself, and sets it to zero when a flow does not raise the limit (2.5.5),
/// which Microsoft's client sends whenever it drains; so the limit is kept here and put back.
/// </summary>
internal sealed class LinkCredit(ListenerLink link)
{
    private const BindingFlags Private = BindingFlags.NonPublic | BindingFlags.Instance;

    private static readonly FieldInfo Credit = typeof(ListenerLink).GetField("credit", Private)!;
    private static readonly FieldInfo DeliveryCount = typeof(ListenerLink).GetField("deliveryCount", Private)!;
    private static readonly FieldInfo SequenceValue = DeliveryCount.FieldType.GetFields(Private)[0];

    private readonly object _gate = typeof(Link).GetField("lockObject", Private)!.GetValue(link)!;
    private uint _limit;

    /// <summary>Messages that may be sent now.</summary>
    public int Left
    {
        get
        {
            lock (_gate) return unchecked((int)(uint)Credit.GetValue(link)!);
        }
    }

    /// <summary>Takes note of a flow.</summary>
    /// <param name="raisedBy">By how much the peer's limit differs from the one before, as the library reckons it.</param>
    public void OnFlow(int raisedBy)
    {
        lock (_gate)
        {
            unchecked
            {
                var sent = (uint)Convert.ToInt64(SequenceValue.GetValue(DeliveryCount.GetValue(link)), null);
                if (raisedBy > 0)
                {
                    _limit = sent + (uint)Credit.GetValue(link)!;
                    return;
                }

                // The peer may have lowered its limit below what was sent meanwhile.
                _limit += (uint)raisedBy;
                if ((int)(_limit - sent) < 0) _limit = sent;
                Credit.SetValue(link, _limit - sent);
            }
        }
    }
}
