using System.Buffers;
using System.Text.Json;

namespace ContentSync.Simulator;

/// <summary>
/// Append-only NDJSON file: each change adds a line with the whole item, and the last line of an item counts. Each line goes to the operating
/// system in one write before the response is sent, so a killed process loses nothing that it acknowledged. A power failure may lose lines,
/// because there is no fsync.
/// </summary>
internal sealed class ContentJournal : IDisposable
{
    // Compacting pays off once most lines are outdated.
    private const int MaxOutdatedLines = 1_000;

    private readonly FileStream _file;
    private readonly ArrayBufferWriter<byte> _line = new(4096);

    private ContentJournal(FileStream file) => _file = file;

    /// <summary>Opens or creates the file, reads it into <paramref name="items"/>, drops an incomplete last line and compacts.</summary>
    /// <exception cref="IOException">Another process has the file open, or it cannot be created.</exception>
    /// <exception cref="InvalidDataException">A complete line cannot be read.</exception>
    public static ContentJournal Open(string path, IDictionary<string, StoredContent> items)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { Length: > 0 } folder) Directory.CreateDirectory(folder);
        var file = OpenFile(path);
        try
        {
            var lines = Load(file, path, items);
            if (lines > (2 * items.Count) + MaxOutdatedLines) file = Compact(file, path, items.Values);
            return new ContentJournal(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Not thread-safe.</summary>
    /// <exception cref="IOException">The line could not be written; the file is unchanged.</exception>
    public void Append(StoredContent item)
    {
        _line.ResetWrittenCount();
        WriteLine(_line, item);
        var end = _file.Position;
        try
        {
            _file.Write(_line.WrittenSpan);
        }
        catch (IOException)
        {
            // A full disk may have taken part of the line, which would corrupt the next one.
            _file.SetLength(end);
            _file.Position = end;
            throw;
        }
    }

    public void Dispose() => _file.Dispose();

    private static FileStream OpenFile(string path) => new(path, new FileStreamOptions
    {
        Mode = FileMode.OpenOrCreate,
        Access = FileAccess.ReadWrite,
        // A second simulator on the same file would corrupt it.
        Share = FileShare.None,
        // Unbuffered: one Write is one system call.
        BufferSize = 0,
    });

    private static int Load(FileStream file, string path, IDictionary<string, StoredContent> items)
    {
        var buffer = new byte[64 * 1024];
        var line = new ArrayBufferWriter<byte>(4096);
        var lines = 0;
        long complete = 0;
        for (int read; (read = file.Read(buffer)) > 0;)
        {
            var rest = buffer.AsSpan(0, read);
            for (int end; (end = rest.IndexOf((byte)'\n')) >= 0; rest = rest[(end + 1)..])
            {
                line.Write(rest[..end]);
                var item = Read(line.WrittenSpan, path, ++lines);
                items[item.ContentId] = item;
                complete += line.WrittenCount + 1;
                line.ResetWrittenCount();
            }

            line.Write(rest);
        }

        file.SetLength(complete);
        file.Position = complete;
        return lines;
    }

    private static StoredContent Read(ReadOnlySpan<byte> line, string path, int number)
    {
        try
        {
            return JsonSerializer.Deserialize(line, GatewayJson.Relaxed.StoredContent) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException(
                $"{path}, line {number} is not a line of the simulated AlipayHK's journal. Delete the file to start without items.", e);
        }
    }

    private static FileStream Compact(FileStream old, string path, IEnumerable<StoredContent> items)
    {
        var fresh = path + ".compacted";
        using (var file = File.Create(fresh, 64 * 1024))
        {
            var line = new ArrayBufferWriter<byte>(4096);
            foreach (var item in items)
            {
                line.ResetWrittenCount();
                WriteLine(line, item);
                file.Write(line.WrittenSpan);
            }

            file.Flush(flushToDisk: true);
        }

        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(fresh, File.GetUnixFileMode(path));
        old.Dispose();
        File.Move(fresh, path, overwrite: true);
        var compacted = OpenFile(path);
        compacted.Position = compacted.Length;
        return compacted;
    }

    private static void WriteLine(ArrayBufferWriter<byte> line, StoredContent item)
    {
        using (var writer = new Utf8JsonWriter(line, new JsonWriterOptions { Encoder = GatewayJson.Relaxed.Options.Encoder, SkipValidation = true }))
        {
            JsonSerializer.Serialize(writer, item, GatewayJson.Relaxed.StoredContent);
        }

        line.GetSpan(1)[0] = (byte)'\n';
        line.Advance(1);
    }
}
