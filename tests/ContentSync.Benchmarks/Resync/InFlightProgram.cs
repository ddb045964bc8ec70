using System.Diagnostics;
using System.Globalization;
using ContentSync.AlipayHk;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;

namespace ContentSync.Benchmarks.Resync;

/// <summary>
/// Sends contents over real connections to a partner that takes 20 ms, 256 at a time, with a canned signature, in a process of
/// its own so that no thread of anything else is counted. Prints items per second, threads at most, and microseconds of CPU per item.
/// </summary>
internal static class InFlightProgram
{
    /// <param name="items">Contents measured; a part of them is sent beforehand to warm up.</param>
    public static async Task<int> RunAsync(int items)
    {
        using var partner = await SlowPartner.StartAsync().ConfigureAwait(false);
        var options = new AlipayHkOptions
        {
            BaseAddress = partner.Address,
            ClientId = SlowPartner.ClientId,
            PublicKeys = { new AlipayHkKeyOptions { KeyVersion = "1", PublicKey = partner.PublicKey } },
        };
        // 16 lanes of 16; packs as the local host makes them.
        var resync = new ResyncOptions { SendsPerSecond = 0, Lanes = 16, InFlightPerLane = 16, ItemsPerPack = LocalPipeline.ItemsPerPack };
        await using (var warm = await BulkRun.StartAsync(options, new SocketsHttpHandler(), items / 2, resync).ConfigureAwait(false))
            await warm.DrainAsync().ConfigureAwait(false);

        await using var bulk = await BulkRun.StartAsync(options, new SocketsHttpHandler(), items, resync).ConfigureAwait(false);
        using var stop = new CancellationTokenSource();
        var threads = MostThreadsAsync(stop.Token);
        var drain = await bulk.DrainAsync().ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        var most = await threads.ConfigureAwait(false);
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{items / drain.Elapsed.TotalSeconds:0} {most} {drain.Processor.TotalMicroseconds / items:0.0}"));
        return 0;
    }

    /// <summary>Has another process do it.</summary>
    public static async Task<(double ItemsPerSecond, int Threads, double MicrosecondsPerItem)> MeasureAsync(int items)
    {
        var answer = await OwnProgram.RunAsync(string.Create(CultureInfo.InvariantCulture, $"in-flight {items}")).ConfigureAwait(false);
        var figures = answer.Split(' ').Select(figure => double.Parse(figure, CultureInfo.InvariantCulture)).ToArray();
        return (figures[0], (int)figures[1], figures[2]);
    }

    // All threads of the process, those of the runtime, of SQLite and of this counting included.
    private static async Task<int> MostThreadsAsync(CancellationToken cancellationToken)
    {
        var most = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            using var self = Process.GetCurrentProcess();
            most = Math.Max(most, self.Threads.Count);
            await Task.Delay(50, CancellationToken.None).ConfigureAwait(false);
        }

        return most;
    }
}
