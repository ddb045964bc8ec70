using System.Buffers;
using ContentSync.Content;

namespace ContentSync.Local.CommandLine;

/// <summary>
/// The bundled sample catalog. It contains every kind of mistake, including lines without a readable contentId, for which a resync refuses
/// the whole catalog. Resyncs therefore read a copy without those lines, in the data folder.
/// </summary>
internal static class SampleCatalog
{
    public static string File { get; } = Path.Combine(AppContext.BaseDirectory, "Samples", "catalog.ndjson");

    /// <summary>Path of the copy.</summary>
    public static string CopyIn(string data) => Path.Combine(data, "sample-catalog.ndjson");

    /// <summary>Writes the copy unless an identical one exists, so that its timestamp is that of the first start.</summary>
    public static void WriteCopy(string data, ContentReader reader)
    {
        var lines = System.IO.File.ReadAllBytes(File).AsSpan();
        var copy = new ArrayBufferWriter<byte>(lines.Length);
        foreach (var range in lines.Split((byte)'\n'))
        {
            var line = lines[range];
            if (line.IsEmpty) continue;
            var read = reader.Read(line);
            if (read.ContentId is null || read.Violations.Any(violation => violation.Code == ViolationCodes.MalformedJson)) continue;
            copy.Write(line);
            copy.Write("\n"u8);
        }

        var path = CopyIn(data);
        if (System.IO.File.Exists(path) && System.IO.File.ReadAllBytes(path).AsSpan().SequenceEqual(copy.WrittenSpan)) return;
        System.IO.File.WriteAllBytes(path, copy.WrittenSpan.ToArray());
    }
}
