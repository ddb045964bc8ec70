using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Resync.Planning;

/// <summary>
/// Reads the ledger's side of a partition from start to end: 45 bytes per item, its contentId, and what few items remember of their versions.
/// </summary>
/// <param name="entries">What <see cref="Write"/> wrote.</param>
internal ref struct LedgerItemReader(ReadOnlySpan<byte> entries)
{
    /// <summary>Size of the largest possible entry.</summary>
    public const int MaxEntryBytes = LedgerPlanItem.HeadSize + ushort.MaxValue + LedgerPlanItem.MaxRestSize;

    private ReadOnlySpan<byte> _rest = entries;

    /// <summary>Writes an entry.</summary>
    /// <returns>The part of <paramref name="entry"/> that was written.</returns>
    public static ReadOnlySpan<byte> Write(Span<byte> entry, PlanKey key, ScannedItem item) => LedgerPlanItem.Write(entry, key, item);

    /// <summary>Reads the next item; false at the end.</summary>
    public bool TryRead(out LedgerPlanItem item)
    {
        item = default;
        if (_rest.IsEmpty) return false;
        item = new LedgerPlanItem(_rest);
        _rest = _rest[item.Size..];
        return true;
    }
}

/// <summary>An item of the ledger. Valid until the next item is read.</summary>
/// <param name="entry">Starts with the item's entry.</param>
internal readonly ref struct LedgerPlanItem(ReadOnlySpan<byte> entry)
{
    /// <summary>Bytes before the contentId.</summary>
    public const int HeadSize = 45;

    /// <summary>Maximum size of what follows the contentId: four times, and the text of the times that were too far ahead.</summary>
    public const int MaxRestSize = (4 * sizeof(long)) + sizeof(ushort) + (AheadTimes.MaxCount * 20);

    private const int HashAt = 16;
    private const int FlagsAt = 24;
    private const int KindAt = 26;
    private const int AcceptedAtAt = 27;
    private const int ChangedAtAt = 35;
    private const int LengthAt = 43;

    private readonly ReadOnlySpan<byte> _entry = entry;

    public PlanKey Key => MemoryMarshal.Read<PlanKey>(_entry);

    /// <summary>8 bytes of the hash of its newest accepted version.</summary>
    public ulong ShortHash => BinaryPrimitives.ReadUInt64LittleEndian(_entry[HashAt..]);

    public LedgerItemFlags Flags => (LedgerItemFlags)BinaryPrimitives.ReadUInt16LittleEndian(_entry[FlagsAt..]);

    public DateTimeOffset AcceptedAt => Time(_entry[AcceptedAtAt..]);

    /// <summary>In UTF-8.</summary>
    public ReadOnlySpan<byte> ContentId => _entry.Slice(HeadSize, BinaryPrimitives.ReadUInt16LittleEndian(_entry[LengthAt..]));

    /// <summary>
    /// What orders its versions; without the number or given time of the current one, which only tell a repeat from an older version.
    /// </summary>
    public VersionOrder Order
    {
        get
        {
            var rest = _entry[(HeadSize + ContentId.Length)..];
            var changedAt = Time(_entry[ChangedAtAt..]);
            var kind = (VersionKind)_entry[KindAt];
            var receivedAt = Optional(LedgerItemFlags.HasReceivedAt, ref rest) is { } received ? At(received) : changedAt;
            var highest = Optional(LedgerItemFlags.HasHighestNumber, ref rest);
            return new VersionOrder
            {
                Current = new ChangeVersion(
                    kind == VersionKind.Number ? highest ?? 0 : null, kind == VersionKind.Given ? changedAt : null, receivedAt),
                ChangedAt = changedAt,
                HighestNumber = highest,
                LatestGivenTime = Optional(LedgerItemFlags.HasLatestGivenTime, ref rest) is { } given ? At(given) : null,
                RollbackAt = Optional(LedgerItemFlags.HasRollback, ref rest) is { } rollback ? At(rollback) : null,
                AheadTimes = Ahead(rest),
            };
        }
    }

    /// <summary>Size of the entry.</summary>
    public int Size
    {
        get
        {
            var size = HeadSize + ContentId.Length;
            foreach (var flag in (ReadOnlySpan<LedgerItemFlags>)[
                LedgerItemFlags.HasReceivedAt, LedgerItemFlags.HasHighestNumber, LedgerItemFlags.HasLatestGivenTime, LedgerItemFlags.HasRollback])
            {
                if ((Flags & flag) != 0) size += sizeof(long);
            }

            return (Flags & LedgerItemFlags.HasAheadTimes) == 0
                ? size
                : size + sizeof(ushort) + BinaryPrimitives.ReadUInt16LittleEndian(_entry[size..]);
        }
    }

    public static ReadOnlySpan<byte> Write(Span<byte> entry, PlanKey key, ScannedItem item)
    {
        var order = item.Order;
        var ahead = order.AheadTimes.ToText();
        var flags = StateFlags(item)
            | (order.Current.FirstReceivedAt != order.ChangedAt ? LedgerItemFlags.HasReceivedAt : 0)
            | (order.HighestNumber is not null ? LedgerItemFlags.HasHighestNumber : 0)
            | (order.LatestGivenTime is not null ? LedgerItemFlags.HasLatestGivenTime : 0)
            | (order.RollbackAt is not null ? LedgerItemFlags.HasRollback : 0)
            | (ahead is not null ? LedgerItemFlags.HasAheadTimes : 0);
        MemoryMarshal.Write(entry, in key);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[HashAt..], PlanState.ShortHash(item.Hash));
        BinaryPrimitives.WriteUInt16LittleEndian(entry[FlagsAt..], (ushort)flags);
        entry[KindAt] = (byte)order.Current.Kind;
        BinaryPrimitives.WriteInt64LittleEndian(entry[AcceptedAtAt..], item.AcceptedAt.UtcTicks);
        BinaryPrimitives.WriteInt64LittleEndian(entry[ChangedAtAt..], order.ChangedAt.UtcTicks);
        var length = Encoding.UTF8.GetBytes(item.ContentId, entry[HeadSize..]);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[LengthAt..], (ushort)length);
        var at = HeadSize + length;
        if ((flags & LedgerItemFlags.HasReceivedAt) != 0) Append(entry, ref at, order.Current.FirstReceivedAt.UtcTicks);
        if (order.HighestNumber is { } number) Append(entry, ref at, number);
        if (order.LatestGivenTime is { } given) Append(entry, ref at, given.UtcTicks);
        if (order.RollbackAt is { } rollback) Append(entry, ref at, rollback.UtcTicks);
        if (ahead is null) return entry[..at];
        BinaryPrimitives.WriteUInt16LittleEndian(entry[at..], (ushort)ahead.Length);
        return entry[..(at + sizeof(ushort) + Encoding.ASCII.GetBytes(ahead, entry[(at + sizeof(ushort))..]))];
    }

    private static LedgerItemFlags StateFlags(ScannedItem item) =>
        (item.ContentStatus == ContentStatus.Valid && !IsKnownToBeUnlisted(item) ? LedgerItemFlags.Listed : 0)
        | (item is { State: SyncState.Parked, ParkReason: not ParkReason.Rejected } ? LedgerItemFlags.Parked : 0)
        | (item is { State: SyncState.Parked, ParkReason: ParkReason.Rejected } ? LedgerItemFlags.Rejected : 0)
        | (item.State == SyncState.Pending ? LedgerItemFlags.Pending : 0)
        | (item.State == SyncState.Synchronized ? LedgerItemFlags.Acknowledged : 0);

    // An item that ran out of attempts may be listed: a request may have taken effect without a response.
    private static bool IsKnownToBeUnlisted(ScannedItem item) =>
        item is { State: SyncState.Parked, ParkReason: ParkReason.Rejected, IsUnknownToAlipayHk: true };

    private static void Append(Span<byte> entry, ref int at, long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(entry[at..], value);
        at += sizeof(long);
    }

    private static DateTimeOffset Time(ReadOnlySpan<byte> bytes) => At(BinaryPrimitives.ReadInt64LittleEndian(bytes));

    private static DateTimeOffset At(long ticks) => new(ticks, TimeSpan.Zero);

    private long? Optional(LedgerItemFlags flag, ref ReadOnlySpan<byte> rest)
    {
        if ((Flags & flag) == 0) return null;
        var value = BinaryPrimitives.ReadInt64LittleEndian(rest);
        rest = rest[sizeof(long)..];
        return value;
    }

    private AheadTimes Ahead(ReadOnlySpan<byte> rest) => (Flags & LedgerItemFlags.HasAheadTimes) == 0
        ? AheadTimes.Empty
        : AheadTimes.Of(Encoding.ASCII.GetString(rest.Slice(sizeof(ushort), BinaryPrimitives.ReadUInt16LittleEndian(rest))));
}

/// <summary>The state of an item in the ledger, and which parts its entry has.</summary>
[Flags]
internal enum LedgerItemFlags
{
    /// <summary>contentStatus 1, unless AlipayHK never accepted it and will not be sent it again.</summary>
    Listed = 1,

    /// <summary>Parked after its last attempt; sent again with a new run.</summary>
    Parked = 2,

    /// <summary>Acknowledged by AlipayHK.</summary>
    Acknowledged = 8,

    /// <summary>Parked because AlipayHK rejected it; not sent again before it changes.</summary>
    Rejected = 16,

    /// <summary>Accepted, and not acknowledged yet.</summary>
    Pending = 32,

    /// <summary>Its current version was not first received when it counts as changed.</summary>
    HasReceivedAt = 256,

    /// <summary>See <see cref="VersionOrder.HighestNumber"/>.</summary>
    HasHighestNumber = 512,

    /// <summary>See <see cref="VersionOrder.LatestGivenTime"/>.</summary>
    HasLatestGivenTime = 1024,

    /// <summary>See <see cref="VersionOrder.RollbackAt"/>.</summary>
    HasRollback = 2048,

    /// <summary>See <see cref="VersionOrder.AheadTimes"/>.</summary>
    HasAheadTimes = 4096,
}
