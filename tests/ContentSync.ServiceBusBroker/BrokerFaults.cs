namespace ContentSync.ServiceBusBroker;

/// <summary>Injected faults. Tests set them; the broker's loop reads them.</summary>
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
