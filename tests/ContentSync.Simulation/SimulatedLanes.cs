using System.Globalization;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Simulation;

/// <summary>
/// A queue with one session per lane: only the process that holds a session gets its messages, one at a time. Peek-lock, delivery count,
/// duplicate detection, scheduling and dead-letter queue work as in <see cref="SimulatedBroker"/>.
/// </summary>
internal sealed class SimulatedLanes(World world)
{
    private readonly SortedDictionary<int, Lane> _lanes = [];
    private readonly Dictionary<long, Lane> _locked = [];
    private readonly Dictionary<string, TimeSpan> _history = new(StringComparer.Ordinal);
    private int _nextMachine;
    private long _locks;

    /// <summary>Unsettled messages, including scheduled ones.</summary>
    public int Waiting { get; private set; }

    public int DeadLetters { get; private set; }

    public void Put(OutgoingMessage outgoing)
    {
        var read = ResyncMessages.Read(
            new QueueMessage(outgoing.MessageId, outgoing.Body, outgoing.ContentType, outgoing.Properties, world.Time.Now));
        var (pack, hop) = (ResyncMessage.Pack)read!;
        var (messageId, delay, session) = (outgoing.MessageId, outgoing.Delay, int.Parse(outgoing.SessionId!, CultureInfo.InvariantCulture));
        world.Invariants.Resyncs.Enqueued(pack, session);
        if (_history.TryGetValue(messageId, out var until) && until > world.Time.Elapsed)
        {
            world.Trace.Write("lanes", $"drop {messageId} as a duplicate");
            return;
        }

        _history[messageId] = world.Time.Elapsed + world.Plan.DuplicateWindow;
        if (world.Inject(Fault.Delay)) delay += world.Random.Between(TimeSpan.Zero, TimeSpan.FromMinutes(20));
        var copies = world.Inject(Fault.Duplicate) ? 2 : 1;
        for (var i = 0; i < copies; i++)
        {
            Waiting++;
            var message = new Message(pack, hop, messageId);
            world.Time.After(delay, () =>
            {
                var lane = Of(session);
                if (world.Inject(Fault.Reorder)) lane.Ready.Insert(0, message);
                else lane.Ready.Add(message);
                Pump(lane);
            });
        }
    }

    /// <summary>Removes a locked message from its lane. False when the lock of the session was lost.</summary>
    public bool Settle(long token, string how)
    {
        if (!_locked.Remove(token, out var lane)) return false;
        world.Trace.Write("lanes", $"{lane.Current!.Id} {how}");
        lane.Current = null;
        Waiting--;
        Pump(lane);
        return true;
    }

    public bool Unlock(long token, string why)
    {
        if (!_locked.Remove(token, out var lane)) return false;
        var message = lane.Current!;
        world.Trace.Write("lanes", $"{message.Id} {why}");
        lane.Current = null;
        if (message.Deliveries < world.Plan.MaxDeliveries) lane.Ready.Insert(0, message);
        else DeadLetter();
        Pump(lane);
        return true;
    }

    /// <summary>Schedules deliveries, because a process has capacity or has started.</summary>
    public void Pump()
    {
        foreach (var lane in _lanes.Values) Pump(lane);
    }

    private void DeadLetter()
    {
        Waiting--;
        DeadLetters++;
    }

    private void Pump(Lane lane)
    {
        if (lane.IsPumpDue) return;
        lane.IsPumpDue = true;
        world.Time.After(TimeSpan.FromMilliseconds(1), () => Deliver(lane));
    }

    private void Deliver(Lane lane)
    {
        lane.IsPumpDue = false;
        if (lane.Current is not null || lane.Ready.Count == 0 || world.IsDown(Fault.BrokerOutage)) return;
        if (NextProcess() is not { } process) return;
        var message = lane.Current = lane.Ready[0];
        lane.Ready.RemoveAt(0);
        message.Deliveries++;
        var token = --_locks;
        _locked.Add(token, lane);
        world.Trace.Write("lanes", $"deliver {message.Id} to {process.Name}");
        world.Time.After(world.Plan.LockDuration, () => Expire(token, process));
        if (world.Inject(Fault.LockLoss))
            world.Time.After(world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(30)), () => Unlock(token, "loses its session"));
        process.ReceivePack(message.Pack, message.Hop, token);
    }

    private void Expire(long token, SimulatedProcess process)
    {
        if (!_locked.ContainsKey(token)) return;
        if (process.IsHandling(token)) world.Time.After(world.Plan.LockDuration, () => Expire(token, process));
        else Unlock(token, "is unlocked because its lock expired");
    }

    private SimulatedProcess? NextProcess()
    {
        for (var i = 0; i < world.Machines.Count; i++)
        {
            var process = world.Machines[_nextMachine++ % world.Machines.Count].Process;
            if (process is { IsAccepting: true }) return process;
        }

        return null;
    }

    private Lane Of(int number)
    {
        if (!_lanes.TryGetValue(number, out var lane)) _lanes.Add(number, lane = new Lane());
        return lane;
    }

    private sealed class Lane
    {
        public List<Message> Ready { get; } = [];

        /// <summary>The message that the holder of the session is handling.</summary>
        public Message? Current { get; set; }

        public bool IsPumpDue { get; set; }
    }

    private sealed class Message(ResyncPack pack, int hop, string id)
    {
        public ResyncPack Pack { get; } = pack;

        public int Hop { get; } = hop;

        public string Id { get; } = id;

        public int Deliveries { get; set; }
    }
}
