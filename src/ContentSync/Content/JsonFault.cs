using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ContentSync.Content;

/// <summary>Says where a text stops being JSON. The reader's own messages name its arguments, which mean nothing to a caller.</summary>
internal static class JsonFault
{
    /// <summary>The place in parentheses and the reason.</summary>
    /// <param name="text">The UTF-8 text that was read.</param>
    /// <param name="fault">What the reader found.</param>
    public static string Of(ReadOnlySpan<byte> text, JsonException fault)
    {
        var (line, inLine) = (fault.LineNumber ?? 0, fault.BytePositionInLine ?? 0);
        var place = string.Create(CultureInfo.InvariantCulture, $"({(line == 0 ? "" : $"line {line + 1:N0}, ")}byte {inLine + 1:N0})");
        return $"{place}: {Reason(text, line, inLine)}";
    }

    private static string Reason(ReadOnlySpan<byte> text, long line, long inLine)
    {
        if (text.Trim(" \t\r\n"u8).IsEmpty) return "it is empty.";
        for (; line > 0 && text.IndexOf((byte)'\n') is >= 0 and var end; line--) text = text[(end + 1)..];
        if (inLine >= text.Length) return "it ends before a string, an object or an array does.";
        return Rune.DecodeFromUtf8(text[(int)inLine..], out var rune, out _) == System.Buffers.OperationStatus.Done
            ? $"'{Excerpt.Of(rune.ToString())}' cannot stand here."
            : "this byte is not valid UTF-8.";
    }
}
