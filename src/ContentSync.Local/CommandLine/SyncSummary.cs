using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Catalog;
using ContentSync.Local.Pipeline;

namespace ContentSync.Local.CommandLine;

/// <summary>Outcome of a sync. The counts from <see cref="Invalid"/> to <see cref="Pending"/> add up to <see cref="Read"/>.</summary>
public sealed record SyncSummary
{
    public required long Read { get; init; }

    public required long Invalid { get; init; }

    public required long Synchronized { get; init; }

    public required long Unchanged { get; init; }

    public required long Superseded { get; init; }

    public required long Rejected { get; init; }

    /// <summary>Items whose attempts or time are used up. With <see cref="Rejected"/>, they are what <c>status</c> counts as parked.</summary>
    public required long Exhausted { get; init; }

    public required long Pending { get; init; }

    /// <summary>Items that stand in the catalog more than once with different contents; only one line of each counts.</summary>
    public long DuplicatesDiffering { get; init; }

    public required long Signatures { get; init; }

    /// <summary>Requests sent, including immediate retries.</summary>
    public required long Requests { get; init; }

    public required double ElapsedSeconds { get; init; }

    /// <summary>As of when the catalog is; its lines count as changed at that time.</summary>
    [JsonIgnore]
    public DateTimeOffset? AsOf { get; init; }

    /// <summary>Where <see cref="AsOf"/> comes from.</summary>
    [JsonIgnore]
    public AsOfSource AsOfSource { get; init; }

    /// <summary>Why the sync ended early; null when it finished.</summary>
    [JsonIgnore]
    public string? StoppedBecause { get; init; }

    /// <summary>The catalog itself could not be read to its end.</summary>
    [JsonIgnore]
    public bool Unreadable { get; init; }

    /// <summary>The first of the failed items.</summary>
    [JsonIgnore]
    public IReadOnlyList<SyncIssue> Issues { get; init; } = [];

    /// <summary>Number of all of them.</summary>
    [JsonIgnore]
    public long IssueCount { get; init; }

    /// <summary>How many of <see cref="Superseded"/> are lines of an item that another line of the same catalog holds.</summary>
    [JsonIgnore]
    public long Repetitions { get; init; }

    [JsonIgnore]
    public int ExitCode =>
        Unreadable ? ExitCodes.Unusable
        : StoppedBecause is not null || Pending > 0 ? ExitCodes.Stopped
        : Invalid + Rejected + Exhausted + DuplicatesDiffering > 0 ? ExitCodes.SomeFailed
        : ExitCodes.Done;

    public string ToJson() => JsonSerializer.Serialize(this, SummaryJson.Default.SyncSummary);
}

/// <summary>Serializes summaries and reports.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SyncSummary))]
[JsonSerializable(typeof(SyncIssue))]
internal sealed partial class SummaryJson : JsonSerializerContext
{
    /// <summary>Keeps Chinese text readable instead of escaping it.</summary>
    public static SummaryJson Relaxed { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter<SyncIssueKind>(JsonNamingPolicy.CamelCase) },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
