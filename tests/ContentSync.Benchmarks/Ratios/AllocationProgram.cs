using System.Diagnostics.Tracing;
using System.Globalization;
using ContentSync.Signing;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>
/// What an item allocates, by type: a sample per 100 KB from the runtime, of whole items without HttpClient and without an RSA signature.
/// Shows where <c>allocatedBytesPerItem</c> comes from, and the CPU time of everything else, which an RSA signature would drown.
/// </summary>
internal static class AllocationProgram
{
    private const int Items = 2_000;
    private const int Rounds = 40;
    private const int WarmUpRounds = 10;
    private const int MaxTypes = 40;

    public static async Task<int> RunAsync()
    {
        using var peer = await Peer.StartAsync().ConfigureAwait(false);
        using var socket = new CannedSocket(peer);
        await using var run = await ItemRun.StartAsync(peer, new ConstantSigner(), socket).ConfigureAwait(false);
        var items = new SampleItems();
        for (var i = 0; i < WarmUpRounds; i++) await run.RunAsync(items.Items(Items)).ConfigureAwait(false);

        using var samples = new AllocationSamples();
        var allocated = 0L;
        var cpu = new List<double>();
        for (var i = 0; i < Rounds; i++)
        {
            var batch = items.Items(Items);
            samples.IsCounting = true;
            var before = GC.GetTotalAllocatedBytes(precise: true);
            var cpuBefore = Environment.CpuUsage.TotalTime;
            await run.RunAsync(batch).ConfigureAwait(false);
            cpu.Add((Environment.CpuUsage.TotalTime - cpuBefore).TotalMicroseconds / Items);
            allocated += GC.GetTotalAllocatedBytes(precise: true) - before;
            samples.IsCounting = false;
        }

        var perItem = (double)allocated / (Rounds * Items);
        var types = samples.ByType();
        var all = types.Sum(type => type.Bytes);
        foreach (var (type, bytes) in types.Take(MaxTypes))
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{perItem * bytes / all,8:0}  {type}"));
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{perItem,8:0}  in total, {socket.AllocatedPerCall()} of them by the replaced socket"));
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{cpu.Order().ElementAt(Rounds / 2),8:0.0}  microseconds of CPU per item"));
        return 0;
    }

    /// <summary>Signs nothing; the replaced socket does not look.</summary>
    private sealed class ConstantSigner : IRequestSigner
    {
        public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken) =>
            ValueTask.FromResult(new RequestSignature("1", new byte[256]));
    }

    /// <summary>The runtime's allocation samples by type.</summary>
    private sealed class AllocationSamples : EventListener
    {
        private const EventKeywords GarbageCollection = (EventKeywords)1;

        private readonly Dictionary<string, long> _bytes = new(StringComparer.Ordinal);

        public bool IsCounting { get; set; }

        public IReadOnlyList<(string Type, long Bytes)> ByType()
        {
            lock (_bytes) return [.. _bytes.OrderByDescending(type => type.Value).Select(type => (type.Key, type.Value))];
        }

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == "Microsoft-Windows-DotNETRuntime") EnableEvents(eventSource, EventLevel.Verbose, GarbageCollection);
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (!IsCounting || eventData.EventName?.StartsWith("GCAllocationTick", StringComparison.Ordinal) != true) return;
            var type = (string)eventData.Payload![eventData.PayloadNames!.IndexOf("TypeName")]!;
            var bytes = Convert.ToInt64(eventData.Payload[eventData.PayloadNames.IndexOf("AllocationAmount64")], CultureInfo.InvariantCulture);
            lock (_bytes) _bytes[type] = _bytes.GetValueOrDefault(type) + bytes;
        }
    }
}
