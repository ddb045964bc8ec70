using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContentSync.Diagnostics.Trends;

/// <summary>The minutes of a row as text, as every store keeps them.</summary>
public static class TrendText
{
    /// <summary>
    /// Upper bound of the characters of 15 minutes, each with all codes and ranges. A string property of Table storage holds 32,768.
    /// </summary>
    public const int MaxLength = 32_000;

    /// <summary>Writes minutes as JSON.</summary>
    public static string Write(IEnumerable<TrendMinute> minutes) =>
        JsonSerializer.Serialize(new StoredMinutes([.. minutes.Select(StoredMinute.Of)]), TrendJson.Relaxed.StoredMinutes);

    /// <summary>Reads what <see cref="Write"/> wrote; nothing if it is damaged or a newer version wrote it, because only figures are lost.</summary>
    public static IReadOnlyList<TrendMinute> Read(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, TrendJson.Relaxed.StoredMinutes) is { Minutes: { } minutes, Format: <= StoredFormat.Current }
                ? [.. minutes.Select(minute => minute.ToMinute())]
                : [];
        }
        catch (JsonException)
        {
            return [];
        }
    }
}

/// <param name="Minutes">The minutes.</param>
/// <param name="Format">See <see cref="StoredFormat"/>.</param>
internal sealed record StoredMinutes(
    [property: JsonPropertyName("m")] StoredMinute[] Minutes, [property: JsonPropertyName("f")] int Format = StoredFormat.Current);

/// <param name="At">Minutes since the Unix epoch.</param>
/// <param name="Outcomes">By code.</param>
/// <param name="Signing">Pairs of range and count.</param>
/// <param name="AlipayHk">Pairs of range and count.</param>
/// <param name="Budget">Requests per second.</param>
/// <param name="OldestPending">Seconds.</param>
/// <param name="Backlog">Items.</param>
internal sealed record StoredMinute(
    [property: JsonPropertyName("t")] long At,
    [property: JsonPropertyName("o")] Dictionary<string, long>? Outcomes,
    [property: JsonPropertyName("s")] long[]? Signing,
    [property: JsonPropertyName("a")] long[]? AlipayHk,
    [property: JsonPropertyName("b")] double? Budget,
    [property: JsonPropertyName("p")] double? OldestPending,
    [property: JsonPropertyName("n")] long? Backlog)
{
    public static StoredMinute Of(TrendMinute minute) => new(
        minute.At.ToUnixTimeSeconds() / 60,
        minute.Outcomes.Count == 0 ? null : minute.Outcomes.ToDictionary(StringComparer.Ordinal),
        minute.Signing.Total == 0 ? null : [.. minute.Signing.ToPairs()],
        minute.AlipayHk.Total == 0 ? null : [.. minute.AlipayHk.ToPairs()],
        minute.BudgetPerSecond,
        minute.OldestPending is { } oldest ? Math.Round(oldest.TotalSeconds) : null,
        minute.Backlog);

    public TrendMinute ToMinute()
    {
        var minute = new TrendMinute(DateTimeOffset.UnixEpoch + TimeSpan.FromMinutes(At))
        {
            Signing = LatencyCounts.OfPairs(Signing),
            AlipayHk = LatencyCounts.OfPairs(AlipayHk),
        };
        foreach (var (code, count) in Outcomes ?? []) minute.CountOutcome(code, count);
        minute.SetBudget(Budget);
        minute.SetPending(OldestPending is { } seconds ? TimeSpan.FromSeconds(seconds) : null, Backlog);
        return minute;
    }
}

[JsonSerializable(typeof(StoredMinutes))]
internal sealed partial class TrendJson : JsonSerializerContext
{
    public static TrendJson Relaxed { get; } = new(new JsonSerializerOptions
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
