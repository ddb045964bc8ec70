using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace ContentSync.Ledger;

/// <summary>
/// An item's key in the table. Every stored entity depends on this encoding, so it can never change.
/// <para>
/// PartitionKey: two lower-case hex digits, the hash of the contentId modulo 256. One partition handles about 2,000 entities a
/// second and an account 20,000 (scalability targets of Table storage), so 256 partitions are never the limit; yet in a batch of a
/// few hundred items, several share a partition, as entity group transactions require.
/// </para>
/// <para>
/// RowKey: the contentId. ASCII letters, digits, <c>-</c>, <c>_</c> and <c>.</c> stay as they are; every other UTF-16 code unit
/// becomes <c>~</c> and four lower-case hex digits. Keys must not contain <c>/ \ # ?</c> or control characters, and the service
/// decodes percent signs once too often.
/// </para>
/// </summary>
internal readonly record struct TableLedgerKey(string Partition, string Row)
{
    /// <summary>A key is limited to 1 KiB of UTF-16 (data model of Table storage).</summary>
    public const int MaxRowLength = 512;

    private const char Escape = '~';
    private const int EscapedLength = 5;

    /// <summary>Returns false if the id is too long for a key; a table cannot hold such an item.</summary>
    public static bool TryOf(string contentId, [NotNullWhen(true)] out TableLedgerKey? key)
    {
        key = null;
        if (EncodedLength(contentId) > MaxRowLength) return false;
        key = new TableLedgerKey(PartitionKeyOf(PartitionOf(contentId)), Encode(contentId));
        return true;
    }

    /// <summary>The RowKey of a contentId, or of the first part of one.</summary>
    public static string Encode(string contentId)
    {
        var length = EncodedLength(contentId);
        return length == contentId.Length ? contentId : string.Create(length, contentId, Write);
    }

    /// <summary>Decodes a RowKey.</summary>
    public static string ContentIdOf(string row)
    {
        if (!row.Contains(Escape, StringComparison.Ordinal)) return row;
        var units = new char[row.Length];
        var length = 0;
        for (var i = 0; i < row.Length; i++)
        {
            if (row[i] != Escape)
            {
                units[length++] = row[i];
                continue;
            }

            var digits = row.AsSpan(i + 1, EscapedLength - 1);
            units[length++] = (char)ushort.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            i += digits.Length;
        }

        return new string(units, 0, length);
    }

    /// <summary>The PartitionKey of a partition, from 0.</summary>
    public static string PartitionKeyOf(int partition) => partition.ToString("x2", CultureInfo.InvariantCulture);

    /// <summary>The partition of a contentId, from 0.</summary>
    // 32-bit FNV-1a over the UTF-16 code units, low byte first; folded to 8 bits because its low bits alone spread poorly.
    public static byte PartitionOf(ReadOnlySpan<char> contentId)
    {
        var hash = 2166136261u;
        foreach (var unit in contentId)
        {
            hash = unchecked((hash ^ (byte)unit) * 16777619u);
            hash = unchecked((hash ^ (byte)(unit >> 8)) * 16777619u);
        }

        return (byte)(hash ^ (hash >> 8) ^ (hash >> 16) ^ (hash >> 24));
    }

    private static int EncodedLength(string contentId)
    {
        var length = 0;
        foreach (var unit in contentId) { length += IsPlain(unit) ? 1 : EscapedLength; }
        return length;
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
