namespace ContentSync.Budget;

/// <summary>
/// The last check before a request leaves: remembers when requests left, so that no window of <see cref="BudgetRule.Window"/> ever holds more
/// than the rate, however late timers fire. Guarded by its owner's lock.
/// </summary>
internal sealed class SendWindow(TimeProvider time)
{
    private readonly Queue<long> _left = new();

    /// <summary>Lets one request leave at the rate.</summary>
    /// <param name="perSecond">The rate; a fraction above 1 counts over the time of its whole part.</param>
    /// <param name="wait">If refused, how long until the window has room; above zero.</param>
    public bool TryLeave(double perSecond, out TimeSpan wait)
    {
        var now = time.GetTimestamp();
        var max = Math.Max(1, (int)perSecond);
        var window = (long)Math.Ceiling(max / perSecond * time.TimestampFrequency);
        while (_left.TryPeek(out var oldest) && now - oldest >= window) _left.Dequeue();
        if (_left.Count < max)
        {
            _left.Enqueue(now);
            wait = TimeSpan.Zero;
            return true;
        }

        wait = time.GetElapsedTime(now, _left.ElementAt(_left.Count - max) + window) + TimeSpan.FromTicks(1);
        return false;
    }
}
