using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Amqp.Types;

namespace ContentSync.ServiceBusBroker;

/// <summary>
/// A client that waits for a session. Its attach is answered exactly once: with a session, with an error, or because the client gave up.
/// </summary>
/// <param name="context">The attach to answer.</param>
/// <param name="sessionId">Null: any session that is free and has messages.</param>
/// <param name="deletesOnReceipt">The client receives and deletes.</param>
/// <param name="until">When waiting ends.</param>
internal sealed class SessionRequest(AttachContext context, string? sessionId, bool deletesOnReceipt, DateTimeOffset until)
{
    public static readonly Symbol Filter = new("com.microsoft:session-filter");

    private readonly Lock _gate = new();
    private bool _answered;

    public string? SessionId => sessionId;

    public bool DeletesOnReceipt => deletesOnReceipt;

    public DateTimeOffset Until => until;

    public ListenerLink Link => context.Link;

    public bool IsAnswered
    {
        get
        {
            lock (_gate) return _answered;
        }
    }

    /// <summary>Hands the session over, unless the client has given up.</summary>
    public bool TryGrant(SessionLane lane, Func<LinkEndpoint> endpoint) => TryAnswer(() =>
    {
        var source = (Source)context.Attach.Source;
        source.FilterSet ??= [];
        source.FilterSet[Filter] = lane.SessionId;
        context.Attach.Properties = new Fields { [new Symbol("com.microsoft:locked-until-utc")] = lane.LockedUntil.UtcTicks };
        context.Complete(endpoint(), 0);
    });

    public bool TryRefuse(string condition, string description) =>
        TryAnswer(() => context.Complete(new Error(new Symbol(condition)) { Description = description }));

    private bool TryAnswer(Action answer)
    {
        lock (_gate)
        {
            if (_answered) return false;
            _answered = true;
            try
            {
                answer();
            }
            catch (Exception e) when (e is AmqpException or ObjectDisposedException)
            {
                // The connection is gone. The link's closing, which follows, frees what was granted.
            }

            return true;
        }
    }
}
