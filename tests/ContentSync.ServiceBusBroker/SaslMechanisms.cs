using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Amqp.Sasl;
using Amqp.Types;

namespace ContentSync.ServiceBusBroker;

/// <summary>The SASL mechanism that Microsoft's client requests; it sends its tokens later, over <c>$cbs</c>.</summary>
internal sealed class ClaimsBasedSasl() : SaslProfile(Name)
{
    public const string Name = "MSSBCBS";

    protected override ITransport UpgradeTransport(ITransport transport) => transport;

    protected override DescribedList GetStartCommand(string hostname) => new SaslInit { Mechanism = Mechanism };

    protected override DescribedList? OnCommand(DescribedList command) => command is SaslInit ? new SaslOutcome { Code = SaslCode.Ok } : null;
}

/// <summary>Accepts any token: the broker listens only on loopback and stores only test data.</summary>
internal sealed class ClaimsBasedSecurity : IRequestProcessor
{
    public int Credit => 100;

    public void Process(RequestContext requestContext)
    {
        var response = new Message
        {
            Properties = new Properties(),
            ApplicationProperties = new ApplicationProperties { ["status-code"] = 202, ["status-description"] = "Accepted" },
        };
        response.Properties.SetCorrelationId(requestContext.Message.Properties.GetMessageId());
        requestContext.Complete(response);
    }
}
