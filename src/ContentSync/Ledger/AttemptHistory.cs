using System.Collections;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContentSync.Ledger;

/// <summary>
/// An item's attempts before its newest one, oldest first, at most <see cref="MaxCount"/> of them. Immutable; two histories are
/// equal if their attempts are.
/// </summary>
public sealed class AttemptHistory : IReadOnlyList<SyncAttempt>, IEquatable<AttemptHistory>
{
    /// <summary>Number of attempts kept; the newest one makes ten.</summary>
    public const int MaxCount = 9;

    // A ledger reads and writes many histories that are never inspected, so each form is converted on first use only.
    private SyncAttempt[]? _parsed;
    private string? _text;

    private AttemptHistory(SyncAttempt[]? attempts, string? text) => (_parsed, _text) = (attempts, text);

    /// <summary>No earlier attempt. This is the case for most items, and a ledger then stores nothing.</summary>
    public static AttemptHistory Empty { get; } = new([], null);

    public int Count => Attempts.Length;

    public SyncAttempt this[int index] => Attempts[index];

    private SyncAttempt[] Attempts => _parsed ??= JsonSerializer.Deserialize(_text!, AttemptHistoryJson.Relaxed.SyncAttemptArray) ?? [];

    /// <summary>Adds an attempt and, if the history is full, drops the oldest one.</summary>
    public AttemptHistory With(SyncAttempt attempt) => new([.. Attempts.AsSpan(Math.Max(0, Count + 1 - MaxCount)), attempt], null);

    /// <summary>The history without attempts that ended before <paramref name="oldest"/>; the same instance if there are none.</summary>
    public AttemptHistory Since(DateTimeOffset oldest)
    {
        if (Array.TrueForAll(Attempts, attempt => attempt.At >= oldest)) return this;
        var kept = Array.FindAll(Attempts, attempt => attempt.At >= oldest);
        return kept.Length == 0 ? Empty : new(kept, null);
    }

    /// <summary>The stored form; null if there is no attempt.</summary>
    public string? ToText() => _text ??= Count == 0 ? null : JsonSerializer.Serialize(Attempts, AttemptHistoryJson.Relaxed.SyncAttemptArray);

    /// <summary>Reads what <see cref="ToText"/> wrote.</summary>
    public static AttemptHistory Of(string? text) => string.IsNullOrEmpty(text) ? Empty : new AttemptHistory(null, text);

    public bool Equals(AttemptHistory? other) => other is not null && Attempts.AsSpan().SequenceEqual(other.Attempts);

    public override bool Equals(object? obj) => Equals(obj as AttemptHistory);

    public override int GetHashCode() => Count == 0 ? 0 : HashCode.Combine(Count, Attempts[^1]);

    public IEnumerator<SyncAttempt> GetEnumerator() => ((IEnumerable<SyncAttempt>)Attempts).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SyncAttempt[]))]
internal sealed partial class AttemptHistoryJson : JsonSerializerContext
{
    public static AttemptHistoryJson Relaxed { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
