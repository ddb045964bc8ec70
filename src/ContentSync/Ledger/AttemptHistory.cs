using System.Collections;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContentSync.Ledger;

/// <summary>The attempts of a content before its newest one, oldest first, the last <see cref="Most"/> of them. Immutable; equal where its attempts are.</summary>
public sealed class AttemptHistory : IReadOnlyList<SyncAttempt>, IEquatable<AttemptHistory>
{
    /// <summary>Most attempts kept; with the newest one they are ten.</summary>
    public const int Most = 9;

    // A ledger reads and writes many histories that nobody looks at: each is turned into the other form when it is wanted, once.
    private SyncAttempt[]? _parsed;
    private string? _text;

    private AttemptHistory(SyncAttempt[]? attempts, string? text) => (_parsed, _text) = (attempts, text);

    /// <summary>No attempt before the newest one: so it is for most contents, and then a ledger stores nothing.</summary>
    public static AttemptHistory Empty { get; } = new([], null);

    public int Count => Attempts.Length;

    public SyncAttempt this[int index] => Attempts[index];

    private SyncAttempt[] Attempts => _parsed ??= JsonSerializer.Deserialize(_text!, AttemptHistoryJson.Relaxed.SyncAttemptArray) ?? [];

    /// <summary>With one more; without the oldest where there are too many.</summary>
    public AttemptHistory With(SyncAttempt attempt) => new([.. Attempts.AsSpan(Math.Max(0, Count + 1 - Most)), attempt], null);

    /// <summary>As a ledger stores it; null for none.</summary>
    public string? ToText() => _text ??= Count == 0 ? null : JsonSerializer.Serialize(Attempts, AttemptHistoryJson.Relaxed.SyncAttemptArray);

    /// <summary>What <see cref="ToText"/> wrote.</summary>
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
