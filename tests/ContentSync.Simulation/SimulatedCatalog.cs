using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Catalog;

namespace ContentSync.Simulation;

/// <summary>The file with the whole catalog. Exports replace it.</summary>
internal sealed class SimulatedCatalog
{
    /// <summary>The newest export; null before the first one.</summary>
    public ExportedFile? Newest { get; private set; }

    /// <summary>Replaces the file.</summary>
    public ExportedFile Write(Export export, DateTimeOffset at)
    {
        var bytes = Bytes(export);
        var digest = Convert.ToHexStringLower(SHA256.HashData([.. bytes, .. BitConverter.GetBytes(at.UtcTicks)]));
        return Newest = new ExportedFile(export, bytes, digest, at);
    }

    private static byte[] Bytes(Export export)
    {
        var lines = export.Items.Select(item => item.ToLine() + "\n").ToList();
        if (export.DeclaresItems) lines.Insert(0, $$$"""{"catalog":{"items":{{{export.Items.Count}}}}}""" + "\n");
        return export.Form switch
        {
            ExportForm.Truncated => Encoding.UTF8.GetBytes(string.Concat(lines)[..^20]),
            ExportForm.Shortened => Encoding.UTF8.GetBytes(string.Concat(lines[..^1])),
            ExportForm.Packed => Pack(string.Concat(lines)),
            ExportForm.PackedInPart => [.. Pack(string.Concat(lines[..^1])), .. Encoding.UTF8.GetBytes(lines[^1])],
            _ => Encoding.UTF8.GetBytes(string.Concat(lines)),
        };
    }

    private static byte[] Pack(string text)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest)) gzip.Write(Encoding.UTF8.GetBytes(text));
        return packed.ToArray();
    }

    /// <param name="Export">Its lines.</param>
    /// <param name="Bytes">Content of the file.</param>
    /// <param name="Digest">Hash of the content and the time.</param>
    /// <param name="At">When it was written.</param>
    internal sealed record ExportedFile(Export Export, byte[] Bytes, string Digest, DateTimeOffset At)
    {
        /// <summary>When its lines count as changed.</summary>
        public DateTimeOffset AsOf => At + Export.AsOfOffset;
    }
}

/// <summary>The catalog, as seen by a process.</summary>
internal sealed class CatalogPort(SimulatedProcess process, World world) : ICatalogSource
{
    public string Name => "catalog";

    public async ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken) =>
        await CallAsync("find catalog", () => world.Catalog.Newest, cancellationToken).ConfigureAwait(false) is { } newest
            ? new Snapshot(this, newest)
            : null;

    private ValueTask<T> CallAsync<T>(string what, Func<T> effect, CancellationToken cancellationToken) =>
        process.CallAsync(what, effect, StoragePort.NextCall(world), cancellationToken);

    private sealed class Snapshot(CatalogPort port, SimulatedCatalog.ExportedFile file) : ICatalogSnapshot
    {
        public string Name => "catalog.ndjson";

        public string Digest => file.Digest;

        public DateTimeOffset WrittenAt => file.At;

        public DateTimeOffset AsOf => file.AsOf;

        public AsOfSource AsOfSource => file.AsOf == file.At ? AsOfSource.TimeWritten : AsOfSource.SideFile;

        public async ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) =>
            await port.CallAsync("open catalog", () => new MemoryStream(file.Bytes), cancellationToken).ConfigureAwait(false);

        public ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken) =>
            port.CallAsync("check catalog", () => port.IsNewest(file), cancellationToken);
    }

    private bool IsNewest(SimulatedCatalog.ExportedFile file) => world.Catalog.Newest == file;
}

/// <summary>Faults of the file storage.</summary>
internal static class StoragePort
{
    public static CallBehavior NextCall(World world)
    {
        if (world.InjectOutage(Fault.StoreOutage)) return new CallBehavior(world.ShortDelay(), TimeSpan.FromSeconds(2), IsLost: true, Unavailable);
        if (world.Inject(Fault.StoreResponseLost)) return new CallBehavior(world.ShortDelay(), TimeSpan.FromSeconds(2), Fault: Unavailable);
        return new CallBehavior(world.ShortDelay(), world.ShortDelay());
    }

    private static IOException Unavailable() => new("The storage does not respond.");
}
