using ContentSync.Ledger;

namespace ContentSync.Synchronization;

/// <summary>What happened to items that a person should look at.</summary>
public enum ItemAlertKind
{
    /// <summary>They are parked.</summary>
    Parked,

    /// <summary>AlipayHK acknowledged them, but reports their template as frozen or expired; MOVIE only.</summary>
    InactiveTemplate,
}

/// <summary>Items of the last while that share a cause.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Reason">The park reason, or the template's status.</param>
/// <param name="Code">Code of the last attempt; null for a template.</param>
/// <param name="Count">How many times it happened.</param>
/// <param name="ContentIds">The first items.</param>
public sealed record ItemAlert(ItemAlertKind Kind, string Reason, string? Code, long Count, IReadOnlyList<string> ContentIds);

/// <summary>
/// Collects the items of this process that a person should look at, until they are taken. Bounded, whether or not they are ever
/// taken. The ledger knows every one of them; this is for notifications only. Thread-safe; one per process.
/// </summary>
public sealed class ItemAlerts
{
    /// <summary>Ids that are kept of a cause.</summary>
    public const int MaxIds = 10;

    /// <summary>Causes that are kept apart; further ones count together, with the code <see cref="OtherCode"/>.</summary>
    public const int MaxCauses = 50;

    /// <summary>Code of the causes beyond <see cref="MaxCauses"/>.</summary>
    public const string OtherCode = "OTHER";

    private readonly Lock _lock = new();
    private Dictionary<(ItemAlertKind Kind, string Reason, string? Code), Cause> _causes = [];

    /// <summary>An item was parked.</summary>
    public void Parked(SyncRecord record) =>
        Add((ItemAlertKind.Parked, (record.ParkReason ?? ParkReason.Rejected).ToString(), record.LastAttempt?.Code), record.ContentId);

    /// <summary>AlipayHK acknowledged an item and reported its template as inactive.</summary>
    public void InactiveTemplate(SyncRecord record) =>
        Add((ItemAlertKind.InactiveTemplate, record.TemplateStatus ?? "", null), record.ContentId);

    /// <summary>Returns what was collected, and begins anew.</summary>
    public IReadOnlyList<ItemAlert> Take()
    {
        Dictionary<(ItemAlertKind Kind, string Reason, string? Code), Cause> taken;
        lock (_lock) (taken, _causes) = (_causes, []);
        return
        [
            .. taken
                .Select(cause => new ItemAlert(cause.Key.Kind, cause.Key.Reason, cause.Key.Code, cause.Value.Count, cause.Value.ContentIds))
                .OrderByDescending(alert => alert.Count)
                .ThenBy(alert => alert.Code, StringComparer.Ordinal),
        ];
    }

    private void Add((ItemAlertKind Kind, string Reason, string? Code) key, string contentId)
    {
        lock (_lock)
        {
            if (_causes.Count >= MaxCauses && !_causes.ContainsKey(key)) key = (key.Kind, key.Reason, OtherCode);
            if (!_causes.TryGetValue(key, out var cause)) _causes[key] = cause = new Cause();
            cause.Count++;
            if (cause.ContentIds.Count < MaxIds && !cause.ContentIds.Contains(contentId)) cause.ContentIds.Add(contentId);
        }
    }

    private sealed class Cause
    {
        public long Count { get; set; }

        public List<string> ContentIds { get; } = [];
    }
}
