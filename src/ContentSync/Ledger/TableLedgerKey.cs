using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace ContentSync.Ledger;

/// <summary>
/// Where the table holds a content. What is here is in every stored entity and can never change.
/// <para>
/// PartitionKey: two lower-case hex digits, the content id's hash modulo 256. One partition takes about 2,000 entities a second,
/// an account 20,000 (scalability targets of Table storage), so 256 never limit; and a batch of some hundred contents still
/// shares partitions, which is what entity group transactions need.
/// </para>
/// <para>
/// RowKey: the content id. ASCII letters, digits, <c>-</c>, <c>_</c> and <c>.</c> stand for themselves, every other UTF-16 code unit
/// is <c>~</c> and four lower-case hex digits. Keys may not have <c>/ \ # ?</c> or control characters, and the service decodes
/// a percent sign once too often.
/// </para>
/// </summary>
internal readonly record struct TableLedgerKey(string Partition, string Row)
{
    /// <summary>A key is at most 1 KiB of UTF-16 (data model of Table storage).</summary>
    public const int MaxRowLength = 512;

    private const char Escape = '~';
    private const int EscapedLength = 5;

    /// <summary>False where the id is too long for a key; no ledger in a table can hold it.</summary>
    public static bool TryOf(string contentId, [NotNullWhen(true)] out TableLedgerKey? key)
    {
        key = null;
        var length = 0;
        foreach (var unit in contentId) { length += IsPlain(unit) ? 1 : EscapedLength; }
        if (length > MaxRowLength) return false;

        var row = length == contentId.Length ? contentId : string.Create(length, contentId, Write);
        key = new TableLedgerKey(PartitionOf(contentId), row);
        return true;
    }

    /// <summary>The content id that a RowKey stands for.</summary>
    public static string ContentIdOf(string row)
    {
        if (!row.Contains(Escape, StringComparison.Ordinal)) return row;
        var units = new char[row.Length];
        var length = 0;
        for (var i = 0; i < row.Length; i++)
        {
            units[length++] = row[i] == Escape ? (char)ushort.Parse(row.AsSpan(i + 1, EscapedLength - 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) : row[i];
            if (row[i] == Escape) i += EscapedLength - 1;
        }

        return new string(units, 0, length);
    }

    // FNV-1a, 32 bits, over the UTF-16 code units, low byte first; folded to 8 bits because its low bits alone spread poorly.
    private static string PartitionOf(string contentId)
    {
        var hash = 2166136261u;
        foreach (var unit in contentId)
        {
            hash = unchecked((hash ^ (byte)unit) * 16777619u);
            hash = unchecked((hash ^ (byte)(unit >> 8)) * 16777619u);
        }

        return ((byte)(hash ^ (hash >> 8) ^ (hash >> 16) ^ (hash >> 24))).ToString("x2", CultureInfo.InvariantCulture);
    }

    private static void Write(Span<char> row, string contentId)
    {
        foreach (var unit in contentId)
        {
            if (IsPlain(unit))
            {
                row[0] = unit;
                row = row[1..];
                continue;
            }

            row[0] = Escape;
            ((ushort)unit).TryFormat(row[1..], out _, "x4", CultureInfo.InvariantCulture);
            row = row[EscapedLength..];
        }
    }

    private static bool IsPlain(char unit) => char.IsAsciiLetterOrDigit(unit) || unit is '-' or '_' or '.';
}
