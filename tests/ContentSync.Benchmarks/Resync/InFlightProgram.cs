using System.Diagnostics;
using System.Globalization;
using ContentSync.AlipayHk;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;

namespace ContentSync.Benchmarks.Resync;

/// <summary>
/// Sends items over real connections to an AlipayHK that responds after 20 ms, 256 at a time, with a canned signature, in a process of
/// its own so that no other threads are counted. Prints items per second, maximum threads, and microseconds of CPU per item.
/// </summary>
internal static class InFlightProgram
{
    /// <param name="items">Number of items measured; half as many are sent before, to warm up.</param>
    public static async Task<int> RunAsync(int items)
    {
        using var alipayHk = await SlowAlipayHk.StartAsync().ConfigureAwait(false);
        var options = new AlipayHkOptions
        {
            BaseAddress = alipayHk.Address,
            ClientId = SlowAlipayHk.ClientId,
            PublicKeys = { new AlipayHkKeyOptions { KeyVersion = "1", PublicKey = alipayHk.PublicKey } },

            // The response is signed once, at the start.
            ResponseTimeTolerance = TimeSpan.FromHours(24),
        };
        // 16 lanes with 16 items in flight each; packs of the local host's size.
        var resync = new ResyncOptions { SendsPerSecond = 0, Lanes = 16, InFlightPerLane = 16, ItemsPerPack = LocalSettings.ItemsPerPack };
        await using (var warm = await BulkRun.StartAsync(options, new SocketsHttpHandler(), items / 2, resync).ConfigureAwait(false))
            await warm.DrainAsync().ConfigureAwait(false);

        await using var bulk = await BulkRun.StartAsync(options, new SocketsHttpHandler(), items, resync).ConfigureAwait(false);
        using var stop = new CancellationTokenSource();
        var threads = MaxThreadsAsync(stop.Token);
        var drain = await bulk.DrainAsync().ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        var max = await threads.ConfigureAwait(false);
        var perSecond = items / drain.Elapsed.TotalSeconds;
        var cpu = drain.Processor.TotalMicroseconds / items;
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{perSecond:0} {max} {cpu:0.0}"));
        return 0;
    }

    /// <summary>Runs it in another process.</summary>
    public static async Task<(double ItemsPerSecond, int Threads, double MicrosecondsPerItem)> MeasureAsync(int items)
    {
        var output = await OwnProgram.RunAsync(string.Create(CultureInfo.InvariantCulture, $"in-flight {items}")).ConfigureAwait(false);
        var figures = output.Split(' ').Select(figure => double.Parse(figure, CultureInfo.InvariantCulture)).ToArray();
        return (figures[0], (int)figures[1], figures[2]);
    }

    // All threads of the process, including those of the runtime, of SQLite and of this counter.
    private static async Task<int> MaxThreadsAsync(CancellationToken cancellationToken)
    {
        var max = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            using var self = Process.GetCurrentProcess();
            max = Math.Max(max, self.Threads.Count);
            await Task.Delay(50, CancellationToken.None).ConfigureAwait(false);
        }

        return max;
    }
}
