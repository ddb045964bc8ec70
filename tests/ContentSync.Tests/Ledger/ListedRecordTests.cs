using Azure.Data.Tables;
using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>Whatever a list reads of a stored item agrees with its record.</summary>
public sealed class ListedRecordTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_record_and_its_list_entry_have_the_same_values_in_every_column()
    {
        var record = Full();

        Assert.Equal(ListedItem.Of(record), TableLedgerEntity.ReadItem(Entity(record)));
    }

    [Fact]
    public void The_test_record_leaves_no_value_at_its_default()
    {
        var listed = ListedItem.Of(Full());

        Assert.DoesNotContain(typeof(ListedItem).GetProperties(), property => property.GetValue(listed) is null or 0 or "" or false);
    }

    private static TableEntity Entity(SyncRecord record)
    {
        Assert.True(TableLedgerKey.TryOf(record.ContentId, out var key));
        return TableLedgerEntity.Of(record, key!.Value, "w", withBody: true);
    }

    private static SyncRecord Full()
    {
        var (record, _) = SyncTransitions.Accept(null, new TestSubmissions().Of("movie-1", "A", 7, "MOVIE"), Now);
        return record! with
        {
            State = SyncState.Parked,
            DueAt = Now.AddMinutes(5),
            Attempts = 3,
            Hop = 4,
            Lease = new SyncLease("lease-1", Now.AddMinutes(1)),
            SynchronizedVersion = TestSubmissions.Numbered(6),
            SynchronizedHash = TestSubmissions.HashOf("B"),
            SynchronizedAt = Now.AddMinutes(-9),
            ParkReason = ParkReason.Rejected,
            Refused = new SyncRefusal(Now.AddMinutes(-1), TestSubmissions.Numbered(8), "too-large", "It is too large."),
            LastAttempt = new SyncAttempt(Now.AddMinutes(-2), record.RequestId, "CONTENT_RISKY", "is risky", "tracer-1"),
            TemplateCode = "T-1",
            TemplateStatus = "valid",
        };
    }
}
