namespace ContentSync.ServiceBusBroker;

/// <summary>What the broker does to its clients on purpose. Read on the broker's loop, set by a test.</summary>
internal sealed class BrokerFaults
{
    private volatile bool _isThrottling;

    public bool IsThrottling
    {
        get => _isThrottling;
        set => _isThrottling = value;
    }

    /// <exception cref="BrokerRefusal">The namespace has no credits left.</exception>
    public void ThrowIfThrottled()
    {
        if (_isThrottling) throw new BrokerRefusal(Conditions.ServerBusy, Conditions.Busy);
    }
}
