using System.Globalization;

namespace ContentSync.Ledger;

/// <summary>
/// Times that callers gave from too far in the future: the newest <see cref="MaxCount"/>, oldest first. They do not order anything; they
/// are kept so that a repeat is recognised. Immutable; equal if the times are.
/// </summary>
public sealed class AheadTimes : IEquatable<AheadTimes>
{
    /// <summary>Number of times kept.</summary>
    public const int MaxCount = 8;

    private readonly long[] _ticks;

    private AheadTimes(long[] ticks) => _ticks = ticks;

    /// <summary>No time was too far ahead. This is the case for almost all items, and a ledger then stores nothing.</summary>
    public static AheadTimes Empty { get; } = new([]);

    public bool Contains(DateTimeOffset time) => Array.IndexOf(_ticks, time.UtcTicks) >= 0;

    /// <summary>Adds a time and, if there are too many, drops the one added first.</summary>
    public AheadTimes With(DateTimeOffset time) =>
        Contains(time) ? this : new([.. _ticks.AsSpan(Math.Max(0, _ticks.Length + 1 - MaxCount)), time.UtcTicks]);

    /// <summary>The stored form: UTC ticks of 100 ns, separated by blanks; null if there is none.</summary>
    public string? ToText() =>
        _ticks.Length == 0 ? null : string.Join(' ', _ticks.Select(ticks => ticks.ToString(CultureInfo.InvariantCulture)));

    /// <summary>Reads what <see cref="ToText"/> wrote.</summary>
    public static AheadTimes Of(string? text) => string.IsNullOrEmpty(text)
        ? Empty
        : new([.. text.Split(' ').Select(ticks => long.Parse(ticks, CultureInfo.InvariantCulture))]);

    public bool Equals(AheadTimes? other) => other is not null && _ticks.AsSpan().SequenceEqual(other._ticks);

    public override bool Equals(object? obj) => Equals(obj as AheadTimes);

    public override int GetHashCode() => _ticks.Length == 0 ? 0 : HashCode.Combine(_ticks.Length, _ticks[^1]);
}
