using System.Globalization;
using System.Net;
using System.Text;
using AngleSharp.Html;
using AngleSharp.Html.Parser;
using AngleSharp.Html.Parser.Tokens;
using AngleSharp.Text;

namespace ContentSync.Mapping.Expressions;

/// <summary>
/// HTML as plain text. Nothing is loaded or executed. Only the tokens are read: a tree of the document would cost twenty times as much, and
/// its time grows with the square of tags that are not closed.
/// </summary>
internal static class HtmlText
{
    /// <summary>Max characters of HTML.</summary>
    private const int MaxLength = 256 * 1024;

    private static readonly HashSet<string> Blocks = new(StringComparer.Ordinal)
    {
        "p", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "br", "section", "article", "blockquote",
    };

    /// <exception cref="ExpressionException">The text is too long.</exception>
    public static string Of(string html)
    {
        if (!html.Contains('<', StringComparison.Ordinal)) return Spaces(Entities(html));
        if (html.Length > MaxLength)
        {
            throw new ExpressionException(string.Create(
                CultureInfo.InvariantCulture, $"the HTML has {html.Length:N0} characters; {MaxLength:N0} are allowed"));
        }

        using var source = new TextSource(new StringTextSource(html));
        using var tokens = new HtmlTokenizer(source, HtmlEntityProvider.Resolver);
        var text = new StringBuilder(html.Length);
        var hidden = new HiddenElement();
        for (var token = tokens.Get(); token.Type != HtmlTokenType.EndOfFile; token = tokens.Get())
        {
            if (token.Type == HtmlTokenType.Character)
            {
                if (!hidden.IsOpen) text.Append(token.Data);
                continue;
            }

            if (token.Type is not (HtmlTokenType.StartTag or HtmlTokenType.EndTag)) continue;
            if (token.Type == HtmlTokenType.StartTag) tokens.State = ContentOf(token.Name) ?? tokens.State;
            hidden.Pass(token);
            if (!hidden.IsOpen && Blocks.Contains(token.Name)) text.Append('\n');
        }

        return Spaces(text.ToString());
    }

    /// <summary>Decodes <c>&amp;amp;</c> and kin, twice at most: feeds escape what was escaped already.</summary>
    public static string Entities(string text)
    {
        var once = WebUtility.HtmlDecode(text);
        return once.Contains('&', StringComparison.Ordinal) ? WebUtility.HtmlDecode(once) : once;
    }

    /// <summary>How to read what follows a start tag, where markup does not count as markup; null for everything else.</summary>
    private static HtmlParseMode? ContentOf(string name) => name switch
    {
        "script" => HtmlParseMode.Script,
        "style" or "xmp" or "iframe" or "noembed" or "noframes" => HtmlParseMode.Rawtext,
        "title" or "textarea" => HtmlParseMode.RCData,
        "plaintext" => HtmlParseMode.Plaintext,
        _ => null,
    };

    // One blank between words, one line break between blocks.
    private static string Spaces(string text)
    {
        var lines = text.Split('\n').Select(line => string.Join(' ', line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
        return string.Join('\n', lines.Where(line => line.Length > 0));
    }

    /// <summary>The outermost open element whose text no reader sees.</summary>
    private struct HiddenElement
    {
        private string? _name;
        private int _depth;

        public readonly bool IsOpen => _name is not null;

        public void Pass(HtmlToken tag)
        {
            if (_name is null && tag is { Type: HtmlTokenType.StartTag, Name: "script" or "style" or "noscript" or "template" }) _name = tag.Name;
            if (tag.Name != _name) return;
            _depth += tag.Type == HtmlTokenType.StartTag ? 1 : -1;
            if (_depth == 0) _name = null;
        }
    }
}
