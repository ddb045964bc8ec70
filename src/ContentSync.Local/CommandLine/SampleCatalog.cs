using System.Buffers;
using ContentSync.Content;

namespace ContentSync.Local.CommandLine;

/// <summary>
/// The bundled sample catalog. It holds every mistake there is; a resync refuses a catalog as a whole in which an item cannot even be told
/// apart, so for resyncs there is a copy without those lines in the data folder.
/// </summary>
internal static class SampleCatalog
{
    /// <summary>The sample itself.</summary>
    public static string File { get; } = Path.Combine(AppContext.BaseDirectory, "Samples", "catalog.ndjson");

    /// <summary>Where the copy lies.</summary>
    public static string CopyIn(string data) => Path.Combine(data, "sample-catalog.ndjson");

    /// <summary>Writes the copy, unless it is there: its time is that of the first start.</summary>
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
        if (!System.IO.File.Exists(path) || !System.IO.File.ReadAllBytes(path).AsSpan().SequenceEqual(copy.WrittenSpan)) System.IO.File.WriteAllBytes(path, copy.WrittenSpan.ToArray());
    }
}
