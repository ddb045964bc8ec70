namespace ContentSync.Local.CommandLine;

/// <summary>Makes text from a catalog or from AlipayHK harmless for a terminal.</summary>
internal static class TerminalText
{
    /// <summary>Replaces control characters, and characters that change the text direction, with U+FFFD.</summary>
    public static string Plain(string? text) => text is null ? "" : string.Create(text.Length, text, static (span, source) =>
    {
        for (var i = 0; i < span.Length; i++) span[i] = char.IsControl(source[i]) || IsDirection(source[i]) ? '\uFFFD' : source[i];
    });

    private static bool IsDirection(char character) =>
        character is '\u061C' or '\u200E' or '\u200F' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
}
