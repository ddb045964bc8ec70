namespace ContentSync.Simulator;

/// <summary>
/// Detects concurrent requests for one contentId. A caller that timed out may send again, and its closed connection may be noticed only after
/// the new request arrives. So an overlap counts only if the caller of the earlier request is still connected when that request ends.
/// </summary>
internal sealed class InFlightRequests(GatewayCounters counters)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, InFlightRequest> _newest = new(StringComparer.Ordinal);

    public InFlightRequest Enter(string contentId, CancellationToken disconnected)
    {
        var request = new InFlightRequest(this, contentId, disconnected);
        lock (_lock)
        {
            if (_newest.TryGetValue(contentId, out var earlier)) earlier.Overtaken = true;
            _newest[contentId] = request;
        }

        return request;
    }

    private void Leave(InFlightRequest request)
    {
        lock (_lock)
        {
            if (_newest.TryGetValue(request.ContentId, out var newest) && ReferenceEquals(newest, request)) _newest.Remove(request.ContentId);
            if (request.Overtaken && !request.Disconnected.IsCancellationRequested) counters.Overlap();
        }
    }

    /// <summary>A request being handled. Dispose it before the response is written, or the caller's next request could overlap with it.</summary>
    internal sealed class InFlightRequest(InFlightRequests owner, string contentId, CancellationToken disconnected) : IDisposable
    {
        private bool _left;

        public string ContentId => contentId;

        public CancellationToken Disconnected => disconnected;

        public bool Overtaken { get; set; }

        public void Dispose()
        {
            if (_left) return;
            _left = true;
            owner.Leave(this);
        }
    }
}
