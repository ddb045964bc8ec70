using System.Runtime.InteropServices;
using ContentSync.Catalog;
using ContentSync.Content;

namespace ContentSync.Resync.Planning;

/// <summary>Some of a catalog's items on their way into a plan: first their texts, then what they came to. Reusable; for one thread at a time.</summary>
internal sealed class PlanChunk(long firstOrdinal)
{
    private const int Enough = 128 * 1024;

    private readonly List<Place> _places = [];
    private readonly List<PlanItem> _items = [];
    private readonly List<(long Ordinal, CatalogEntry Entry)> _unsound = [];
    private byte[] _text = new byte[Enough + (Enough / 4)];
    private int _length;

    /// <summary>Place of the first item in the catalog, from 0.</summary>
    public long FirstOrdinal { get; private set; } = firstOrdinal;

    /// <summary>Items, sound or not.</summary>
    public int Count => _places.Count;

    /// <summary>Whether it should be read before more is added.</summary>
    public bool IsFull => _length >= Enough || _places.Count >= Enough / 16;

    /// <summary>Of every item that has a contentId, in order.</summary>
    public ReadOnlySpan<PlanItem> Items => CollectionsMarshal.AsSpan(_items);

    /// <summary>The items that were refused, in order, with their places in the catalog, from 0.</summary>
    public IReadOnlyList<(long Ordinal, CatalogEntry Entry)> Invalid => _unsound;

    public void Add(ItemText item)
    {
        var length = item.Utf8.Length;
        if (_text.Length - _length < length) Array.Resize(ref _text, _length + length);
        item.Utf8.Span.CopyTo(_text.AsSpan(_length));
        _places.Add(new Place(_length, length, item.Line, item.Index, item.TooLarge));
        _length += length;
    }

    /// <summary>Reads what was added.</summary>
    /// <returns>Itself.</returns>
    public PlanChunk Read(CatalogReader reader)
    {
        var reading = reader.Rent();
        try
        {
            for (var i = 0; i < _places.Count; i++) Read(_places[i], FirstOrdinal + i, reader, reading);
            return this;
        }
        finally
        {
            reader.Return(reading);
        }
    }

    /// <summary>Makes it as new.</summary>
    public void Clear(long firstOrdinal)
    {
        FirstOrdinal = firstOrdinal;
        _places.Clear();
        _items.Clear();
        _unsound.Clear();
        _length = 0;
    }

    private void Read(Place place, long ordinal, CatalogReader reader, ItemParser reading)
    {
        ContentReadResult refused;
        if (place.TooLarge > 0)
        {
            refused = reader.TooLarge(place.TooLarge);
        }
        else if (reading.TryDigest(_text.AsSpan(place.Start, place.Length), out var digest, out refused))
        {
            _items.Add(new PlanItem(PlanKey.Of(digest.ContentId), new PlanState(digest.Hash, digest.Revision), ordinal, digest.ContentStatus));
            return;
        }

        if (refused.ContentId is { } contentId) _items.Add(new PlanItem(PlanKey.Of(contentId), default, ordinal, null));
        _unsound.Add((ordinal, new CatalogEntry(place.Line, place.Index, refused)));
    }

    private readonly record struct Place(int Start, int Length, long Line, long? Index, long TooLarge);
}
