namespace ContentSync.Simulator;

/// <summary>
/// Sees two requests for one contentId at once. A caller that gave up and asks again is no offender, and its broken connection may be
/// noticed here only after the new request: so an overlap counts when the earlier request ends with its caller still there.
/// </summary>
internal sealed class InFlightRequests(GatewayCounters counters)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, InFlightRequest> _inside = new(StringComparer.Ordinal);

    public InFlightRequest Enter(string contentId, CancellationToken callerGone)
    {
        var passage = new InFlightRequest(this, contentId, callerGone);
        lock (_gate)
        {
            if (_inside.TryGetValue(contentId, out var earlier)) earlier.Overtaken = true;
            _inside[contentId] = passage;
        }

        return passage;
    }

    private void Leave(InFlightRequest passage)
    {
        lock (_gate)
        {
            if (_inside.TryGetValue(passage.ContentId, out var newest) && ReferenceEquals(newest, passage)) _inside.Remove(passage.ContentId);
            if (passage.Overtaken && !passage.CallerGone.IsCancellationRequested) counters.Overlap();
        }
    }

    /// <summary>One request's stay. To be left before the answer is written, or the caller's next request could meet it.</summary>
    internal sealed class InFlightRequest(InFlightRequests watch, string contentId, CancellationToken callerGone) : IDisposable
    {
        private bool _left;

        public string ContentId => contentId;

        public CancellationToken CallerGone => callerGone;

        public bool Overtaken { get; set; }

        public void Dispose()
        {
            if (_left) return;
            _left = true;
            watch.Leave(this);
        }
    }
}
