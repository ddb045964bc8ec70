namespace ContentSync.Resync.Planning;

/// <summary>
/// Where items stand in the catalog: each one's line and, if it is not its own key, its contentId. 3 to 5 bytes for a short contentId.
/// Read only for partitions with duplicates.
/// </summary>
internal static class PlanPlaces
{
    public static void Append(GrowingBytes places, long line, PlanKey key, ReadOnlySpan<byte> contentId)
    {
        PlanNumber.Append(places, line);
        if (!key.IsHashed) return;
        PlanNumber.Append(places, contentId.Length);
        places.Append(contentId);
    }

    /// <summary>Reads the places of consecutive items.</summary>
    /// <param name="places">Their places.</param>
    /// <param name="items">The items.</param>
    /// <param name="read">Receives, for each, its index, its line and its contentId in UTF-8, which is empty if it is the item's key.</param>
    public static void Read(ReadOnlySpan<byte> places, ReadOnlySpan<PlanItem> items, PlaceReader read)
    {
        for (var i = 0; i < items.Length; i++)
        {
            var line = PlanNumber.Read(ref places);
            var length = items[i].Key.IsHashed ? (int)PlanNumber.Read(ref places) : 0;
            read(i, line, places[..length]);
            places = places[length..];
        }
    }

    internal delegate void PlaceReader(int index, long line, ReadOnlySpan<byte> contentId);
}

/// <summary>Numbers from 0 in as few bytes as they need, seven bits in each.</summary>
internal static class PlanNumber
{
    public static void Append(GrowingBytes bytes, long number)
    {
        Span<byte> encoded = stackalloc byte[10];
        var length = 0;
        for (var rest = (ulong)number; ; rest >>= 7)
        {
            encoded[length] = (byte)(rest & 0x7F);
            if (rest > 0x7F) encoded[length++] |= 0x80;
            else break;
        }

        bytes.Append(encoded[..(length + 1)]);
    }

    public static long Read(ref ReadOnlySpan<byte> bytes)
    {
        var number = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[0];
            bytes = bytes[1..];
            number |= (ulong)(next & 0x7F) << shift;
            if (next <= 0x7F) return (long)number;
        }
    }
}
