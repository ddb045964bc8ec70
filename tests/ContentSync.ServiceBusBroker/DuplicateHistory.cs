namespace ContentSync.ServiceBusBroker;

/// <summary>The MessageIds that a queue has seen within its window.</summary>
internal sealed class DuplicateHistory(TimeSpan window)
{
    private readonly Dictionary<string, DateTimeOffset> _seen = new(StringComparer.Ordinal);

    public bool Contains(string messageId, DateTimeOffset now)
    {
        foreach (var (old, _) in _seen.Where(seen => now - seen.Value > window).ToList()) _seen.Remove(old);
        return _seen.ContainsKey(messageId);
    }

    public void Add(string messageId, DateTimeOffset now) => _seen[messageId] = now;
}
