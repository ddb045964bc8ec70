using System.Globalization;
using ContentSync.Content;

namespace ContentSync.Catalog;

/// <summary>One item of a catalog file, valid or not.</summary>
/// <param name="Line">The line it starts on, from 1.</param>
/// <param name="Index">Its index in the JSON array, from 0; null in a file with one item per line.</param>
/// <param name="Result">The item, or its violations.</param>
public readonly record struct CatalogEntry(long Line, long? Index, ContentReadResult Result)
{
    /// <summary>Its position, for reports: <c>line 7</c>, or <c>line 7, element 2</c> (from 0).</summary>
    public override string ToString() => Index is { } index
        ? string.Create(CultureInfo.InvariantCulture, $"line {Line}, element {index}")
        : string.Create(CultureInfo.InvariantCulture, $"line {Line}");
}
