using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Amqp.Types;

namespace ContentSync.ServiceBusBroker;

/// <summary>
/// A client waiting for a session. Its attach completes exactly once: with a session, or with an error, also if the client detaches first.
/// </summary>
/// <param name="context">The attach to complete.</param>
/// <param name="sessionId">Null for any unlocked session with messages.</param>
/// <param name="deletesOnReceipt">The client uses ReceiveAndDelete.</param>
/// <param name="until">When the request times out.</param>
internal sealed class SessionRequest(AttachContext context, string? sessionId, bool deletesOnReceipt, DateTimeOffset until)
{
    public static readonly Symbol Filter = new("com.microsoft:session-filter");

    private readonly Lock _lock = new();
    private bool _isCompleted;

    public string? SessionId => sessionId;

    public bool DeletesOnReceipt => deletesOnReceipt;

    public DateTimeOffset Until => until;

    public ListenerLink Link => context.Link;

    public bool IsCompleted
    {
        get
        {
            lock (_lock) return _isCompleted;
        }
    }

    /// <summary>Grants the session, unless the attach has already completed.</summary>
    public bool TryGrant(SessionLane lane, Func<LinkEndpoint> endpoint) => TryComplete(() =>
    {
        var source = (Source)context.Attach.Source;
        source.FilterSet ??= [];
        source.FilterSet[Filter] = lane.SessionId;
        context.Attach.Properties = new Fields { [new Symbol("com.microsoft:locked-until-utc")] = lane.LockedUntil.UtcTicks };
        context.Complete(endpoint(), 0);
    });

    public bool TryRefuse(string condition, string description) =>
        TryComplete(() => context.Complete(new Error(new Symbol(condition)) { Description = description }));

    private bool TryComplete(Action complete)
    {
        lock (_lock)
        {
            if (_isCompleted) return false;
            _isCompleted = true;
            try
            {
                complete();
            }
            catch (Exception e) when (e is AmqpException or ObjectDisposedException)
            {
                // The connection is closed. The link's close callback, which follows, releases the session.
            }

            return true;
        }
    }
}
