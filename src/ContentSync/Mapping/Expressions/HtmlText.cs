using System.Globalization;
using System.Net;
using System.Text;
using AngleSharp.Dom;
using AngleSharp.Html.Parser;

namespace ContentSync.Mapping.Expressions;

/// <summary>HTML as plain text. Nothing is loaded or executed.</summary>
internal static class HtmlText
{
    /// <summary>Max characters of HTML.</summary>
    private const int MaxLength = 256 * 1024;

    /// <summary>Max tags. The parser's time grows with the square of tags that are not closed: a few milliseconds for this many.</summary>
    private const int MaxTags = 4_000;

    private static readonly HashSet<string> Blocks = new(StringComparer.OrdinalIgnoreCase)
    {
        "P", "DIV", "LI", "UL", "OL", "TR", "TABLE", "H1", "H2", "H3", "H4", "H5", "H6", "BR", "SECTION", "ARTICLE", "BLOCKQUOTE",
    };

    /// <exception cref="ExpressionException">The text is too long, or has too many tags.</exception>
    public static string Of(string html)
    {
        if (!html.Contains('<', StringComparison.Ordinal)) return Spaces(Entities(html));
        if (html.Length > MaxLength || html.AsSpan().Count('<') > MaxTags)
        {
            throw new ExpressionException(string.Create(
                CultureInfo.InvariantCulture,
                $"the HTML has {html.Length:N0} characters and {html.AsSpan().Count('<'):N0} tags; {MaxLength:N0} and {MaxTags:N0} are allowed"));
        }

        var body = new HtmlParser().ParseDocument(html).Body;
        var text = new StringBuilder(html.Length);
        if (body is not null) Append(body, text, 0);
        return Spaces(text.ToString());
    }

    /// <summary>Decodes <c>&amp;amp;</c> and kin, twice at most: feeds escape what was escaped already.</summary>
    public static string Entities(string text)
    {
        var once = WebUtility.HtmlDecode(text);
        return once.Contains('&', StringComparison.Ordinal) ? WebUtility.HtmlDecode(once) : once;
    }

    private static void Append(INode node, StringBuilder text, int depth)
    {
        // Deeper nesting than any page has would exhaust the stack.
        if (depth > 200) return;
        foreach (var child in node.ChildNodes)
        {
            if (child is IText part)
            {
                text.Append(part.Data);
                continue;
            }

            if (child is not IElement element || element.TagName is "SCRIPT" or "STYLE" or "NOSCRIPT" or "TEMPLATE") continue;
            var isBlock = Blocks.Contains(element.TagName);
            if (isBlock) text.Append('\n');
            Append(element, text, depth + 1);
            if (isBlock) text.Append('\n');
        }
    }

    // One blank between words, one line break between blocks.
    private static string Spaces(string text)
    {
        var lines = text.Split('\n').Select(line => string.Join(' ', line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
        return string.Join('\n', lines.Where(line => line.Length > 0));
    }
}
