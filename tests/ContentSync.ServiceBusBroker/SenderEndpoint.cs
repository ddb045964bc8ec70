using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Amqp.Types;

namespace ContentSync.ServiceBusBroker;

/// <summary>The broker's end of a link on which a client sends.</summary>
internal sealed class SenderEndpoint(BrokerQueue queue, BrokerLoop loop, BrokerFaults faults) : LinkEndpoint
{
    /// <summary>The credit granted to a sender.</summary>
    public const int Credit = 300;

    /// <summary>Message format of a transfer that carries several messages, each in its own data section.</summary>
    private const uint BatchFormat = 0x80013700;

    public override void OnFlow(FlowContext flowContext)
    {
    }

    public override void OnDisposition(DispositionContext dispositionContext)
    {
    }

    public override void OnMessage(MessageContext messageContext) => loop.Post(() =>
    {
        try
        {
            Accept(messageContext.Message);
            messageContext.Complete();
        }
        catch (BrokerRefusal e)
        {
            messageContext.Complete(new Error(new Symbol(e.Condition)) { Description = e.Message });
        }
    });

    private void Accept(Message transfer)
    {
        faults.ThrowIfThrottled();
        var messages = Messages(transfer);
        var bytes = messages.Sum(message => message.Encoded.Length);
        if (bytes > queue.Options.MaxMessageBytes) throw Conditions.TooLarge(bytes, queue.Options.MaxMessageBytes);
        foreach (var (encoded, message) in messages) queue.Check(message, encoded.Length);
        foreach (var (encoded, message) in messages) queue.Send(encoded, message);
    }

    private static List<(byte[] Encoded, Message Message)> Messages(Message transfer)
    {
        if (transfer.Format == BatchFormat) return [.. Sections(transfer).Select(section => (section, AmqpText.Decode(section)))];

        // Copied without the sections that the library and this transfer added.
        var single = new Message
        {
            Header = transfer.Header,
            MessageAnnotations = transfer.MessageAnnotations,
            Properties = transfer.Properties,
            ApplicationProperties = transfer.ApplicationProperties,
            BodySection = transfer.BodySection,
            Footer = transfer.Footer,
        };
        return [(AmqpText.Encode(single), single)];
    }

    private static IEnumerable<byte[]> Sections(Message transfer) => transfer.BodySection switch
    {
        Data data => [data.Binary],
        DataList list => Enumerable.Range(0, list.Count).Select(i => list[i].Binary),
        _ => [],
    };
}
