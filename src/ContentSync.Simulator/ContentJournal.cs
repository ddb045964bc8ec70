using System.Buffers;
using System.Text.Json;

namespace ContentSync.Simulator;

/// <summary>
/// Append-only NDJSON file, one line per change with the whole content in it; the last line of a content counts.
/// Each line goes to the operating system in one write before the change is answered, so a killed process loses nothing that it
/// answered. A power cut may: there is no fsync.
/// </summary>
internal sealed class ContentJournal : IDisposable
{
    // Compacting pays once most lines are outdated.
    private const int OutdatedLinesLeftAlone = 1_000;

    private readonly FileStream _file;
    private readonly ArrayBufferWriter<byte> _line = new(4096);

    private ContentJournal(FileStream file) => _file = file;

    /// <summary>Opens or makes the file, reads it into <paramref name="contents"/>, drops a torn last line and compacts.</summary>
    /// <exception cref="IOException">Another process has it open, or it cannot be made.</exception>
    /// <exception cref="InvalidDataException">A line that is not the last one cannot be read.</exception>
    public static ContentJournal Open(string path, IDictionary<string, StoredContent> contents)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { Length: > 0 } folder) Directory.CreateDirectory(folder);
        var file = OpenFile(path);
        try
        {
            var lines = Load(file, path, contents);
            if (lines > (2 * contents.Count) + OutdatedLinesLeftAlone) file = Compact(file, path, contents.Values);
            return new ContentJournal(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Not for two threads at once.</summary>
    /// <exception cref="IOException">The line could not be written; the file is as it was before.</exception>
    public void Append(StoredContent content)
    {
        _line.ResetWrittenCount();
        WriteLine(_line, content);
        var end = _file.Position;
        try
        {
            _file.Write(_line.WrittenSpan);
        }
        catch (IOException)
        {
            // What a full disk let through of the line would spoil the next one.
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
        // A second gateway on the same file would spoil it.
        Share = FileShare.None,
        // Unbuffered: one Write is one system call.
        BufferSize = 0,
    });

    private static int Load(FileStream file, string path, IDictionary<string, StoredContent> contents)
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
                var content = Read(line.WrittenSpan, path, ++lines);
                contents[content.ContentId] = content;
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
            throw new InvalidDataException($"{path}, line {number}: not a line of the simulated AlipayHK's journal. Delete the file to start empty.", e);
        }
    }

    private static FileStream Compact(FileStream old, string path, IEnumerable<StoredContent> contents)
    {
        var fresh = path + ".compacted";
        using (var file = File.Create(fresh, 64 * 1024))
        {
            var line = new ArrayBufferWriter<byte>(4096);
            foreach (var content in contents)
            {
                line.ResetWrittenCount();
                WriteLine(line, content);
                file.Write(line.WrittenSpan);
            }

            file.Flush(flushToDisk: true);
        }

        old.Dispose();
        File.Move(fresh, path, overwrite: true);
        var compacted = OpenFile(path);
        compacted.Position = compacted.Length;
        return compacted;
    }

    private static void WriteLine(ArrayBufferWriter<byte> line, StoredContent content)
    {
        using (var writer = new Utf8JsonWriter(line, new JsonWriterOptions { Encoder = GatewayJson.Relaxed.Options.Encoder, SkipValidation = true }))
        {
            JsonSerializer.Serialize(writer, content, GatewayJson.Relaxed.StoredContent);
        }

        line.GetSpan(1)[0] = (byte)'\n';
        line.Advance(1);
    }
}
