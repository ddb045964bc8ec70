using System.Globalization;

namespace ContentSync.Catalog;

/// <summary>
/// Takes the lines that describe a catalog out of its items, and compares the number of items with what those lines say. Such a line is
/// the first or the last one: in the middle, it shows that two exports were concatenated.
/// </summary>
internal sealed class DeclaredLines(CatalogBuffer buffer)
{
    private CatalogDeclaration? _first;
    private CatalogDeclaration? _last;
    private long _lastLine;

    /// <summary>Number of items so far.</summary>
    public long Items { get; private set; }

    /// <summary>Whether one of the lines says how many items there are.</summary>
    public bool DeclareItems => (_first?.Items ?? _last?.Items) is not null;

    /// <summary>The items among the texts, in their order.</summary>
    /// <exception cref="CatalogFormatException">A line that describes the catalog is wrong, or in the wrong place.</exception>
    public IReadOnlyList<ItemText> Filter(IReadOnlyList<ItemText> texts)
    {
        List<ItemText>? others = null;
        for (var i = 0; i < texts.Count; i++)
        {
            if (CatalogDeclaration.LooksLikeOne(texts[i].Utf8.Span) && Take(texts[i]))
            {
                others ??= [.. texts.Take(i)];
                continue;
            }

            if (_last is not null)
            {
                throw Fault(
                    texts[i].Line,
                    $"Line {_lastLine} describes the catalog and is neither its first nor its last one; export the catalog into one file again.");
            }

            Items++;
            others?.Add(texts[i]);
        }

        return others ?? texts;
    }

    /// <exception cref="CatalogFormatException">The catalog does not hold as many items as it says.</exception>
    public void Complete()
    {
        if ((_last?.Items ?? Items) == Items && (_first?.Items ?? Items) == Items) return;
        throw buffer.Fault(Incomplete((_last?.Items ?? Items) == Items ? _first!.Items!.Value : _last!.Items!.Value, Items));
    }

    /// <summary>Why a catalog is refused that does not hold as many items as was declared.</summary>
    public static string Incomplete(long declared, long items) => string.Create(
        CultureInfo.InvariantCulture,
        $"The catalog is declared to hold {Wording.Count(declared, "item")}, but holds {items:N0}; export it again, or correct the number.");

    private bool Take(ItemText text)
    {
        var isFirst = Items == 0 && _first is null;
        var place = string.Create(CultureInfo.InvariantCulture, $"Line {text.Line}");
        if (Read(text, place) is not { } declaration) return false;
        if (declaration.Sha256 is not null)
            throw Fault(text.Line, $"{place} gives a sha256, but a file cannot hold its own digest; put it into the file beside the catalog.");
        if (!isFirst && declaration.AsOf is not null) throw Fault(text.Line, $"{place} gives asOf; it belongs into the first line.");
        if (isFirst) _first = declaration;
        else (_last, _lastLine) = (declaration, text.Line);
        return true;
    }

    private CatalogDeclaration? Read(ItemText text, string place)
    {
        try
        {
            return CatalogDeclaration.OfLine(text.Utf8, place);
        }
        catch (CatalogFormatException e)
        {
            throw Fault(text.Line, e.Message, e);
        }
    }

    // Lines are read ahead, so the buffer is past this one.
    private CatalogFormatException Fault(long line, string message, Exception? innerException = null) =>
        new(message, line, buffer.Offset, innerException);
}
