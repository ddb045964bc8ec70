namespace ContentSync.ServiceBusBroker;

/// <summary>The broker refuses an operation with an AMQP error condition, which the client turns into its own exception.</summary>
internal sealed class BrokerRefusal(string condition, string description) : Exception(description)
{
    public string Condition => condition;
}
