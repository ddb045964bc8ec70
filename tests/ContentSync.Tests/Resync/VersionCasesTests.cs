using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.Http;

namespace ContentSync.Tests.Resync;

/// <summary>Catalogs and single changes of the same items, with versions of different kinds, by clocks that may be wrong.</summary>
public sealed class VersionCasesTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly ContentReader Reader = new(new ContentOptions(), TimeProvider.System);

    private readonly ResyncWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData(null, ",\"revision\":7")]
    [InlineData(3L, ",\"occurredAt\":\"2026-03-01T11:30:00Z\"")]
    public async Task An_older_catalog_loses_to_a_change_whose_version_is_of_another_kind(long? inCatalog, string inChange)
    {
        var before = Noon.AddHours(-1);
        await _world.RunAsync(new TestSnapshot(TestSnapshot.Line("MX-1", "price 1", revision: inCatalog), before));
        await AcceptAsync("MX-1", "price 2", inChange);

        var run = await _world.RunAsync(new TestSnapshot(TestSnapshot.Line("MX-1", "price 1", revision: inCatalog) + "\n", before));

        Assert.Equal((ResyncRunState.Completed, 1), (run.State, run.Counts.Superseded));
        Assert.Equal(["MX-1"], run.Newer);
        Assert.Contains("price 2", Encoding.UTF8.GetString((await _world.Ledger.FindAsync("MX-1", default))!.Body.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_time_long_ago_does_not_beat_a_number()
    {
        using var api = new ApiHarness();
        Assert.Equal(200, (await api.PostAsync("/api/content", ApiHarness.Item("A", "new", more: ",\"revision\":11"))).Status);

        var late = await api.PostAsync("/api/content", ApiHarness.Item("A", "old", more: ",\"occurredAt\":\"2020-01-01T00:00:00Z\""));

        Assert.Equal(409, late.Status);
        Assert.Single(api.AlipayHk.Sent);
    }

    [Fact]
    public async Task A_change_is_sent_although_the_clock_was_ahead_before()
    {
        _world.Time.Advance(TimeSpan.FromHours(3));
        await _world.RunAsync(new TestSnapshot(TestSnapshot.Line("a", "1"), _world.Time.GetUtcNow()));
        _world.Time.AdjustTime(Noon.AddMinutes(10));

        var run = await _world.RunAsync(new TestSnapshot(TestSnapshot.Line("a", "2"), Noon.AddMinutes(5)));

        Assert.Equal((ResyncRunState.Completed, 1, 0), (run.State, run.Counts.Sent, run.Counts.Superseded));
        Assert.Equal("""1 {"name":"2"}""", _world.AlipayHk.Items["a"]);
    }

    [Fact]
    public async Task Of_repeated_lines_the_last_one_is_sent_once_and_later_runs_send_nothing()
    {
        (string Id, string Content)[] items = [("A", "DE"), ("B", "1"), ("A", "AT"), ("C", "1"), ("A", "DE"), ("B", "1")];
        var lines = string.Concat(items.Select(item => TestSnapshot.Line(item.Id, item.Content)));
        for (var day = -2; day <= 0; day++)
        {
            var run = await _world.RunAsync(new TestSnapshot(lines, Noon.AddDays(day)), new ResyncParameters { Again = true });

            Assert.Equal(
                [("A", true, "line 1, line 3, line 5"), ("B", false, "line 2, line 6")],
                run.Duplicates.Select(item => (item.ContentId, item.Differs, string.Join(", ", item.Places))));
        }

        Assert.Equal(["A", "B", "C"], _world.AlipayHk.Calls.Order(StringComparer.Ordinal));
        Assert.Equal("""1 {"name":"DE"}""", _world.AlipayHk.Items["A"]);
    }

    private async Task AcceptAsync(string contentId, string content, string version)
    {
        var line = TestSnapshot.Line(contentId, content).TrimEnd()[..^1] + version + "}";
        var item = Reader.Read(Encoding.UTF8.GetBytes(line)).Item!;
        var submission = new Submission(
            item, ChangeVersion.Of(item, ChangeVersion.OnAcceptance), _ => new PreparedRequest(new string('7', 32), Encoding.UTF8.GetBytes(line)));
        Assert.Equal(AcceptanceKind.Accepted, Assert.Single(await _world.Ledger.AcceptAsync([submission], default)).Kind);
    }
}
