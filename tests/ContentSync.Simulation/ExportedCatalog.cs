using System.Text;
using ContentSync.Content;

namespace ContentSync.Simulation;

/// <summary>What a catalog says, worked out without the library's planner and its order of versions.</summary>
internal sealed class ExportedCatalog
{
    private static readonly TimeSpan MaxAhead = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, CatalogItem> _items = new(StringComparer.Ordinal);
    private readonly HashSet<string> _ids = new(StringComparer.Ordinal);

    public ExportedCatalog(SimulatedCatalog.ExportedFile file, ContentReader reader)
    {
        File = file;
        foreach (var line in file.Export.Items)
        {
            if (line.Intent != Intent.SubmitUnidentified) _ids.Add(line.ContentId);
            if (line.Intent is Intent.SubmitUnidentified or Intent.SubmitInvalid) Invalid++;
            else Add(reader.Read(Encoding.UTF8.GetBytes(line.ToLine())).Item!);
        }

        IsComplete = file.Export.Items.All(line => line.Intent != Intent.SubmitUnidentified);
    }

    public SimulatedCatalog.ExportedFile File { get; }

    /// <summary>Its items: of several lines with the same contentId, the newest, or the last one of equally new ones.</summary>
    public IReadOnlyDictionary<string, CatalogItem> Items => _items;

    /// <summary>Lines that are not valid.</summary>
    public long Invalid { get; }

    /// <summary>Every line can be identified, so what is absent has vanished.</summary>
    public bool IsComplete { get; }

    /// <summary>Whether a line, valid or not, has the contentId.</summary>
    public bool Names(string contentId) => _ids.Contains(contentId);

    /// <summary>Whether an item has vanished from it.</summary>
    public bool Lacks(string contentId) => IsComplete && !Names(contentId);

    /// <summary>Whether a run of the catalog may submit an item: the line that counts, or the delisting of an item that vanished.</summary>
    public bool Submits(ContentItem item) => _items.TryGetValue(item.ContentId, out var known)
        ? known.Item.Hash == item.Hash && known.Item.Number == item.Number && known.Item.OccurredAt == item.OccurredAt
        : Lacks(item.ContentId) && item.ContentStatus == ContentStatus.Invalid;

    private void Add(ContentItem item)
    {
        if (!_items.TryGetValue(item.ContentId, out var known))
        {
            _items.Add(item.ContentId, new CatalogItem(item, VersionOf(item), Lines: 1, Differs: false));
            return;
        }

        var counts = item.Number is { } next && known.Item.Number is { } earlier
            ? next >= earlier
            : ChangedAt(item) >= ChangedAt(known.Item);
        known = known with { Lines = known.Lines + 1, Differs = known.Differs || known.Item.Hash != item.Hash };
        _items[item.ContentId] = counts ? known with { Item = item, Version = VersionOf(item) } : known;
    }

    private ChangeVersion VersionOf(ContentItem item) => ChangeVersion.Of(item, File.AsOf);

    private DateTimeOffset ChangedAt(ContentItem item) =>
        item.OccurredAt is { } given && given <= File.AsOf + MaxAhead ? given : File.AsOf;
}

/// <param name="Item">The line that counts.</param>
/// <param name="Version">Its version.</param>
/// <param name="Lines">How many lines the item has.</param>
/// <param name="Differs">Whether they have different contents.</param>
internal sealed record CatalogItem(ContentItem Item, ChangeVersion Version, int Lines, bool Differs)
{
    /// <summary>Whether it says of an item what is known of it already.</summary>
    public bool Equals(ContentHash hash, ContentStatus status) =>
        Item.Hash == hash || (Item.IsDelistingById && status == ContentStatus.Invalid);
}
