namespace ContentSync.ServiceBusBroker;

/// <summary>The ready messages of one session, oldest first. A queue without sessions has a single lane.</summary>
internal sealed class SessionLane(string sessionId)
{
    public string SessionId => sessionId;

    public SortedDictionary<long, BrokerMessage> Ready { get; } = [];

    /// <summary>The receiver that holds the session's lock.</summary>
    public Consumer? Holder { get; set; }

    public DateTimeOffset LockedUntil { get; set; }

    /// <summary>The session state. Set by receivers; survives their locks.</summary>
    public byte[]? State { get; set; }
}
