using ContentSync.Budget;

namespace ContentSync.Notifications;

/// <summary>
/// Which process reports an event, in the document that all processes share. Pure functions. A process claims an event before it delivers it and
/// marks it as done afterwards. If the process ends in between, another one delivers the event once more when the claim has expired.
/// </summary>
public static class NotificationClaims
{
    /// <summary>How long a process keeps a claim without renewing it.</summary>
    public static readonly TimeSpan Duration = TimeSpan.FromMinutes(5);

    /// <summary>Claims that are kept. Beyond the events that could be reported still, only the newest are.</summary>
    public const int MaxKept = 64;

    /// <summary>Claims events. When the document has no claims yet, all of them count as reported: they lie before notifications existed.</summary>
    /// <param name="state">The document as read.</param>
    /// <param name="ids">Events that could be reported.</param>
    /// <param name="holder">This process.</param>
    /// <param name="claimed">Events that this process is delivering.</param>
    /// <param name="now">The store's time.</param>
    /// <returns>The document, the same if nothing changes, and the events that this process must deliver.</returns>
    public static (SharedSendState State, IReadOnlyList<string> Won) Claim(
        SharedSendState state, IReadOnlyCollection<string> ids, string holder, IReadOnlySet<string> claimed, DateTimeOffset now)
    {
        if (state.Notified is not { } claims) return (state with { Notified = [.. ids.Select(id => new NotificationClaim(id))] }, []);
        var known = claims.ToDictionary(claim => claim.Id, StringComparer.Ordinal);
        var won = ids.Where(id => !claimed.Contains(id) && (!known.TryGetValue(id, out var claim) || IsOpen(claim, holder, now))).ToList();
        if (won.Count == 0) return (state, []);
        NotificationClaim[] all =
        [
            .. claims.Where(claim => !won.Contains(claim.Id)),
            .. won.Select(id => new NotificationClaim(id, holder, now + Duration)),
        ];

        // The newest are last.
        var dropped = all.Length - MaxKept;
        var kept = all.Where((claim, i) => i >= dropped || ids.Contains(claim.Id));
        return (state with { Notified = [.. kept] }, won);
    }

    // A claim of this process that it is not delivering was written although the write seemed to fail.
    private static bool IsOpen(NotificationClaim claim, string holder, DateTimeOffset now) =>
        claim.Until is { } until && (until < now || claim.Holder == holder);

    /// <summary>Marks events as done, and renews this process's other claims once half of their time is over.</summary>
    /// <param name="state">The document as read.</param>
    /// <param name="done">Events that were delivered or given up.</param>
    /// <param name="holder">This process.</param>
    /// <param name="claimed">Events that this process is delivering, or has delivered.</param>
    /// <param name="now">The store's time.</param>
    public static SharedSendState Settle(
        SharedSendState state, IReadOnlyCollection<string> done, string holder, IReadOnlySet<string> claimed, DateTimeOffset now)
    {
        var changed = false;
        var claims = (state.Notified ?? []).Select(claim =>
        {
            if (claim.Holder != holder || claim.Until is not { } until || !claimed.Contains(claim.Id)) return claim;
            if (done.Contains(claim.Id))
            {
                changed = true;
                return new NotificationClaim(claim.Id);
            }

            if (until - now > Duration / 2) return claim;
            changed = true;
            return claim with { Until = now + Duration };
        }).ToArray();
        return changed ? state with { Notified = claims } : state;
    }
}
