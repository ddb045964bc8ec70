using System.Text.Json.Serialization;

namespace ContentSync.Budget;

/// <summary>An operator's decision to stop sending.</summary>
/// <param name="ContentType">The content type that is not sent; null for all.</param>
/// <param name="Reason">Why, for everyone to see.</param>
/// <param name="By">Who paused it.</param>
/// <param name="Since">When it began; the store's time.</param>
/// <param name="Until">When it ended; null while it is in force.</param>
public sealed record SendPause(
    [property: JsonPropertyName("type")] string? ContentType,
    [property: JsonPropertyName("reason")] string Reason,
    [property: JsonPropertyName("by")] string By,
    [property: JsonPropertyName("since")] DateTimeOffset Since,
    [property: JsonPropertyName("until")] DateTimeOffset? Until = null);

/// <summary>The pauses in the shared document.</summary>
public static class SendPauses
{
    /// <summary>Ended pauses that are kept, because an item's age does not include them.</summary>
    public const int MaxEnded = 100;

    /// <summary>The pause in force that keeps a content type from being sent; null if there is none.</summary>
    /// <param name="state">The document.</param>
    /// <param name="contentType">The content type; null for the pause of all sending.</param>
    public static SendPause? PauseOf(this SharedSendState state, string? contentType)
    {
        foreach (var pause in state.Pauses)
        {
            if (pause.Until is null && (pause.ContentType is null || pause.ContentType == contentType)) return pause;
        }

        return null;
    }

    /// <summary>How much of a time was paused for a content type.</summary>
    public static TimeSpan PausedTime(this SharedSendState state, string contentType, DateTimeOffset from, DateTimeOffset to)
    {
        var (total, counted) = (TimeSpan.Zero, from);
        var pauses = state.Pauses.Where(pause => pause.ContentType is null || pause.ContentType == contentType);
        foreach (var pause in pauses.OrderBy(pause => pause.Since))
        {
            // Pauses of all sending and of the type may overlap.
            var begin = pause.Since > counted ? pause.Since : counted;
            var end = pause.Until is { } until && until < to ? until : to;
            if (end <= begin) continue;
            total += end - begin;
            counted = end;
        }

        return total;
    }

    internal static SharedSendState WithPause(this SharedSendState state, string? contentType, string reason, string by, DateTimeOffset now)
    {
        var before = state.Pauses.FirstOrDefault(pause => pause.Until is null && pause.ContentType == contentType);
        var pause = new SendPause(contentType, reason, by, before?.Since ?? now);
        return state with { Pauses = [.. state.Pauses.Where(other => other != before), pause] };
    }

    internal static SharedSendState WithoutPause(this SharedSendState state, string? contentType, DateTimeOffset now)
    {
        var pauses = state.Pauses
            .Select(pause => pause.Until is null && pause.ContentType == contentType ? pause with { Until = now } : pause)
            .ToList();
        var kept = pauses.Where(pause => pause.Until is not null).OrderByDescending(pause => pause.Until).Take(MaxEnded);
        return state with { Pauses = [.. pauses.Where(pause => pause.Until is null), .. kept] };
    }
}
