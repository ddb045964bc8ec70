using System.Globalization;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Simulation;

/// <summary>A queue with sessions, one per lane: who holds a session gets its messages one after the other, and nobody else does. Peek-lock, delivery count, duplicate detection, scheduling and a dead-letter queue as the other queue has them.</summary>
internal sealed class SimulatedLanes(World world)
{
    private readonly SortedDictionary<int, Lane> _lanes = [];
    private readonly Dictionary<long, Lane> _held = [];
    private readonly Dictionary<string, TimeSpan> _history = new(StringComparer.Ordinal);
    private int _nextMachine;
    private long _locks;

    /// <summary>Messages that nobody has settled, scheduled ones included.</summary>
    public int Waiting { get; private set; }

    public int DeadLetters { get; private set; }

    public void Put(OutgoingMessage outgoing)
    {
        var read = ResyncMessages.Read(new QueueMessage(outgoing.MessageId, outgoing.Body, outgoing.ContentType, outgoing.Properties, world.Time.Now));
        var (pack, hop) = (ResyncMessage.Pack)read!;
        var (messageId, delay, session) = (outgoing.MessageId, outgoing.Delay, int.Parse(outgoing.SessionId!, CultureInfo.InvariantCulture));
        world.Judge.Bulk.HandedOver(pack, session);
        if (_history.TryGetValue(messageId, out var until) && until > world.Time.Elapsed)
        {
            world.Trace.Write("lanes", $"drop {messageId} as a duplicate");
            return;
        }

        _history[messageId] = world.Time.Elapsed + world.Plan.DuplicateWindow;
        if (world.Strikes(Fault.Delay)) delay += world.Random.Between(TimeSpan.Zero, TimeSpan.FromMinutes(20));
        var copies = world.Strikes(Fault.Duplicate) ? 2 : 1;
        for (var i = 0; i < copies; i++)
        {
            Waiting++;
            var message = new Message(pack, hop, messageId);
            world.Time.After(delay, () =>
            {
                var lane = Of(session);
                if (world.Strikes(Fault.Reorder)) lane.Ready.Insert(0, message);
                else lane.Ready.Add(message);
                Pump(lane);
            });
        }
    }

    /// <summary>Takes a locked message off its lane. False where the session's lock was lost.</summary>
    public bool Settle(long token, string how)
    {
        if (!_held.Remove(token, out var lane)) return false;
        world.Trace.Write("lanes", $"{lane.Current!.Id} {how}");
        lane.Current = null;
        Waiting--;
        Pump(lane);
        return true;
    }

    public bool Unlock(long token, string why)
    {
        if (!_held.Remove(token, out var lane)) return false;
        var message = lane.Current!;
        world.Trace.Write("lanes", $"{message.Id} {why}");
        lane.Current = null;
        if (message.Deliveries < world.Plan.MaxDeliveries) lane.Ready.Insert(0, message);
        else DeadLetter();
        Pump(lane);
        return true;
    }

    /// <summary>A process has room, or is there again.</summary>
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
        if (lane.Current is not null || lane.Ready.Count == 0 || world.IsOut(Fault.BrokerOutage) || NextProcess() is not { } process) return;
        var message = lane.Current = lane.Ready[0];
        lane.Ready.RemoveAt(0);
        message.Deliveries++;
        var token = --_locks;
        _held.Add(token, lane);
        world.Trace.Write("lanes", $"deliver {message.Id} to {process.Name}");
        world.Time.After(world.Plan.LockDuration, () => Expire(token, process));
        if (world.Strikes(Fault.LockLoss)) world.Time.After(world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(30)), () => Unlock(token, "loses its session"));
        process.ReceivePack(message.Pack, message.Hop, token);
    }

    private void Expire(long token, SimulatedProcess process)
    {
        if (!_held.ContainsKey(token)) return;
        if (process.IsHandling(token)) world.Time.After(world.Plan.LockDuration, () => Expire(token, process));
        else Unlock(token, "is unlocked, its time is over");
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

        /// <summary>In the hands of whoever holds the session.</summary>
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
