using System.Runtime.InteropServices;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Content;

namespace ContentSync.Resync.Planning;

/// <summary>Some of a catalog's items while they are planned: first their texts, then their entries. Reusable; for one thread at a time.</summary>
internal sealed class PlanChunk(long firstOrdinal)
{
    private const int TargetBytes = 128 * 1024;

    private readonly List<Place> _places = [];
    private readonly List<PlanItem> _items = [];
    private readonly List<byte> _partitions = [];
    private readonly List<int> _itemPlaceEnds = [];
    private readonly GrowingBytes _itemPlaces = new();
    private readonly List<(long Ordinal, CatalogEntry Entry)> _invalid = [];
    private byte[] _text = new byte[TargetBytes + (TargetBytes / 4)];
    private int _length;

    /// <summary>Ordinal of the first item in the catalog, from 0.</summary>
    public long FirstOrdinal { get; private set; } = firstOrdinal;

    /// <summary>Number of items, valid or not.</summary>
    public int Count => _places.Count;

    /// <summary>Whether it should be parsed before more is added.</summary>
    public bool IsFull => _length >= TargetBytes || _places.Count >= TargetBytes / 16;

    /// <summary>Line of the last item, from 1.</summary>
    public long LastLine => _places[^1].Line;

    /// <summary>Whether the items are elements of a JSON array.</summary>
    public bool IsArray => _places[^1].Index is not null;

    /// <summary>The invalid items, in order, with their ordinals in the catalog, from 0.</summary>
    public IReadOnlyList<(long Ordinal, CatalogEntry Entry)> Invalid => _invalid;

    public void Add(ItemText item)
    {
        var length = item.Utf8.Length;
        if (_text.Length - _length < length) Array.Resize(ref _text, _length + length);
        item.Utf8.Span.CopyTo(_text.AsSpan(_length));
        _places.Add(new Place(_length, length, item.Line, item.Index, item.TooLarge, item.Fault));
        _length += length;
    }

    /// <summary>Parses the added items.</summary>
    /// <returns>This chunk.</returns>
    public PlanChunk Read(CatalogReader reader, PlanPartitioning partitioning)
    {
        var parser = reader.Rent();
        try
        {
            for (var i = 0; i < _places.Count; i++) Read(_places[i], FirstOrdinal + i, reader, parser, partitioning);
            return this;
        }
        finally
        {
            reader.Return(parser);
        }
    }

    /// <summary>Adds every item that has a contentId to a segment, in order.</summary>
    public void CopyTo(PlanSegment segment)
    {
        var items = CollectionsMarshal.AsSpan(_items);
        var places = _itemPlaces.Written.Span;
        var start = 0;
        for (var i = 0; i < items.Length; i++)
        {
            segment.Add(_partitions[i], MemoryMarshal.AsBytes(items.Slice(i, 1)), places[start.._itemPlaceEnds[i]]);
            start = _itemPlaceEnds[i];
        }
    }

    /// <summary>Prepares it for reuse.</summary>
    public void Clear(long firstOrdinal)
    {
        FirstOrdinal = firstOrdinal;
        _places.Clear();
        _items.Clear();
        _partitions.Clear();
        _itemPlaceEnds.Clear();
        _itemPlaces.Clear();
        _invalid.Clear();
        _length = 0;
    }

    private void Read(Place place, long ordinal, CatalogReader reader, ItemParser parser, PlanPartitioning partitioning)
    {
        ContentReadResult invalid;
        if (place.Fault is { } fault)
        {
            invalid = fault;
        }
        else if (place.TooLarge > 0)
        {
            invalid = reader.TooLarge(place.TooLarge);
        }
        else if (parser.TryDigest(_text.AsSpan(place.Start, place.Length), out var digest, out invalid))
        {
            var state = new PlanState(digest.Hash, digest.Number, digest.OccurredAt);
            AddItem(digest.ContentId, place.Line, state, ordinal, digest.ContentStatus, partitioning);
            return;
        }

        if (invalid.ContentId is { } contentId)
            AddItem(Encoding.UTF8.GetBytes(contentId), place.Line, default, ordinal, null, partitioning);
        _invalid.Add((ordinal, new CatalogEntry(place.Line, place.Index, invalid)));
    }

    private void AddItem(
        ReadOnlySpan<byte> contentId, long line, PlanState state, long ordinal, ContentStatus? status, PlanPartitioning partitioning)
    {
        var key = PlanKey.Of(contentId);
        _items.Add(new PlanItem(key, state, ordinal, status));
        _partitions.Add(partitioning.Of(key, contentId));
        PlanPlaces.Append(_itemPlaces, line, key, contentId);
        _itemPlaceEnds.Add(_itemPlaces.Written.Length);
    }

    private readonly record struct Place(int Start, int Length, long Line, long? Index, long TooLarge, ContentReadResult? Fault);
}
