using System.Text;
using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>How an export is written.</summary>
public sealed class LedgerExportTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_large_export_is_written_while_it_is_read()
    {
        var submissions = new TestSubmissions();
        using var output = new MemoryStream();
        var written = new List<long>();

        await new LedgerExport(output).WriteAsync(RecordsAsync(), null, Now, default);

        // 64 KiB and the record that passes it; in steps, the first of them long before the end.
        Assert.True(written[^1] > 200_000);
        Assert.All(written.Zip(written.Skip(1)), step => Assert.InRange(step.Second - step.First, 0, 80 * 1024));
        Assert.Equal(502, Encoding.UTF8.GetString(output.ToArray()).Count(character => character == '\n'));

        async IAsyncEnumerable<SyncRecord> RecordsAsync()
        {
            for (var i = 0; i < 500; i++)
            {
                await Task.CompletedTask;
                written.Add(output.Length);
                yield return SyncTransitions.Accept(null, submissions.Of($"item-{i}", new string('x', 800), 1), Now).Next!;
            }
        }
    }
}
