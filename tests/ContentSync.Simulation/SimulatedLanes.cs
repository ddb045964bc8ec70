using System.Globalization;
using ContentSync.Resync;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Simulation;

/// <summary>
/// The resync queue: one session per lane, and one per source for the steps of its runs. Only the process that holds a session gets its
/// messages, one at a time.
/// </summary>
internal sealed class SimulatedLanes(World world) : SimulatedQueue(world, "lanes")
{
    private readonly SortedDictionary<string, Session> _sessions = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public override bool HasSessions => true;

    /// <summary>Unsettled messages, including scheduled ones.</summary>
    public int Waiting { get; private set; }

    /// <summary>Those of them that are packs.</summary>
    public int WaitingPacks { get; private set; }

    /// <summary>Packs that were dead-lettered.</summary>
    public int DeadPacks { get; private set; }

    /// <inheritdoc/>
    public override void Pump()
    {
        foreach (var session in _sessions.Values) Pump(session);
    }

    /// <inheritdoc/>
    protected override void Arriving(BrokerMessage message)
    {
        var sent = message.Sent();
        switch (ResyncMessages.Read(new QueueMessage(sent.MessageId, sent.Body, sent.ContentType, sent.Properties, World.Time.Now)))
        {
            case ResyncMessage.Pack { Content: var pack }:
                World.Invariants.Resyncs.Enqueued(pack, int.Parse(message.Session!, CultureInfo.InvariantCulture));
                break;
            case ResyncMessage.Step:
                break;
            default:
                World.Invariants.Report(Invariant.OneLane, $"{message.Id} is neither a pack nor a step");
                break;
        }
    }

    /// <inheritdoc/>
    protected override void Stored(BrokerMessage message)
    {
        Waiting++;
        if (message.IsPack) WaitingPacks++;
    }

    /// <inheritdoc/>
    protected override void MakeReady(BrokerMessage message)
    {
        var session = Of(message);
        if (World.Inject(Fault.Reorder)) session.Ready.Insert(0, message);
        else session.Ready.Add(message);
        Pump(session);
    }

    /// <inheritdoc/>
    protected override void Return(BrokerMessage message)
    {
        var session = Of(message);
        session.Current = null;
        session.Ready.Insert(0, message);
        Pump(session);
    }

    /// <inheritdoc/>
    protected override void Removed(BrokerMessage message)
    {
        Waiting--;
        if (message.IsPack) WaitingPacks--;
        var session = Of(message);
        session.Current = null;
        Pump(session);
    }

    /// <inheritdoc/>
    protected override void DeadLettered(BrokerMessage message, string reason, string description)
    {
        if (message.IsPack) DeadPacks++;
        if (reason != MaxDeliveries) World.Invariants.Report(Invariant.ResyncAddsUp, $"{message.Id} is dead-lettered with {reason}: {description}");
    }

    private void Pump(Session session)
    {
        if (session.IsPumpDue) return;
        session.IsPumpDue = true;
        World.Time.After(TimeSpan.FromMilliseconds(1), () => Deliver(session));
    }

    private void Deliver(Session session)
    {
        session.IsPumpDue = false;
        if (session.Current is not null || session.Ready.Count == 0 || World.IsDown(Fault.BrokerOutage)) return;
        if (NextProcess() is not { } process) return;
        var message = session.Current = session.Ready[0];
        session.Ready.RemoveAt(0);
        Deliver(message, process);
    }

    private Session Of(BrokerMessage message)
    {
        if (!_sessions.TryGetValue(message.Session!, out var session)) _sessions.Add(message.Session!, session = new Session());
        return session;
    }

    private sealed class Session
    {
        public List<BrokerMessage> Ready { get; } = [];

        /// <summary>The message that the holder of the session is handling.</summary>
        public BrokerMessage? Current { get; set; }

        public bool IsPumpDue { get; set; }
    }
}
