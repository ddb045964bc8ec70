using System.Globalization;
using System.Text;
using ContentSync.Catalog;

namespace ContentSync.Tests.Catalog;

/// <summary>A catalog in memory.</summary>
internal sealed class TestSnapshot(string text, DateTimeOffset? writtenAt = null) : ICatalogSnapshot, ICatalogSource
{
    public string Name { get; init; } = "catalog.ndjson";

    public string Digest { get; init; } =
        string.Create(CultureInfo.InvariantCulture, $"{text.Length}{text.GetHashCode(StringComparison.Ordinal)}");

    public DateTimeOffset WrittenAt => writtenAt ?? new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Called when it is opened.</summary>
    public Action? Opened { get; init; }

    /// <summary>Whether another process writes to it.</summary>
    public bool IsWrittenTo { get; set; }

    public static TestSnapshot Of(IEnumerable<(string Id, string Content)> items) =>
        new(string.Concat(items.Select(item => Line(item.Id, item.Content))));

    public static string Line(string id, string content, int status = 1, long? revision = null) =>
        $$$"""{"contentId":"{{{id}}}","contentType":"SKU","contentStatus":{{{status}}},"contentInfo":{"name":"{{{content}}}"}"""
        + $"{Revision(revision)}}}\n";

    private static string Revision(long? revision) => revision is { } number ? $",\"revision\":{number}" : "";

    public ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken) => ValueTask.FromResult<ICatalogSnapshot?>(this);

    public ValueTask<Stream> OpenAsync(CancellationToken cancellationToken)
    {
        Opened?.Invoke();
        return ValueTask.FromResult<Stream>(new MemoryStream(Encoding.UTF8.GetBytes(text)));
    }

    public ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken) => ValueTask.FromResult(!IsWrittenTo);
}
