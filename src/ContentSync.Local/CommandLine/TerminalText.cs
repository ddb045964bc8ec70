using System.Globalization;
using System.Text.RegularExpressions;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>Makes text from a catalog, from AlipayHK or from the command line harmless for a terminal.</summary>
internal static partial class TerminalText
{
    /// <summary>
    /// Writes a line whose text may have style tags such as <c>[red]</c> and <c>[/]</c>, and whose values are plain: nothing in a value is
    /// read as a tag or as an emoji code such as <c>:warning:</c>, and <see cref="Plain"/> applies to it.
    /// </summary>
    public static void Line(this IAnsiConsole console, FormattableString line)
    {
        var paragraph = new Paragraph();
        var styles = new Stack<Style>([Style.Plain]);
        foreach (var part in Parts().Matches(line.Format).Select(match => match.Value))
        {
            if (part == "[/]") styles.Pop();
            else if (part[0] == '[') styles.Push(Style.Parse(part[1..^1]));
            else if (part[0] == '{') paragraph.Append(Plain(string.Format(CultureInfo.InvariantCulture, part, line.GetArguments())), styles.Peek());
            else paragraph.Append(part, styles.Peek());
        }

        console.Write(paragraph);
        console.WriteLine();
    }

    [GeneratedRegex(@"\[/\]|\[[a-z ]+\]|\{[^}]*\}|[^\[{]+|.", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Parts();

    /// <summary>Replaces control characters, and characters that change the text direction, with U+FFFD.</summary>
    public static string Plain(string? text) => text is null ? "" : string.Create(text.Length, text, static (span, source) =>
    {
        for (var i = 0; i < span.Length; i++) span[i] = char.IsControl(source[i]) || IsDirection(source[i]) ? '\uFFFD' : source[i];
    });

    private static bool IsDirection(char character) =>
        character is '\u061C' or '\u200E' or '\u200F' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
}
