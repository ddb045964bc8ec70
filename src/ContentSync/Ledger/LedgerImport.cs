using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ContentSync.Ledger;

/// <summary>
/// Reads what <see cref="LedgerExport"/> wrote into a ledger, in batches and in constant memory. Importing the same lines again changes
/// nothing, so an import that ended early is resumed by running it again.
/// </summary>
public sealed class LedgerImport(ILedgerImport ledger)
{
    /// <summary>Max bytes of a line: a record with its kept bodies has at most half of that.</summary>
    public const int MaxLineBytes = 4 * 1024 * 1024;

    private const int MaxBatch = 100;
    private const int MaxBatchBytes = 4 * 1024 * 1024;

    private readonly List<SyncRecord> _batch = new(MaxBatch);
    private readonly HashSet<string> _ids = new(StringComparer.Ordinal);
    private int _batchBytes;
    private long _batchStart = 1;
    private long _records;
    private LedgerHeader? _header;
    private LedgerEnd? _end;

    /// <summary>What was done up to now.</summary>
    public ImportCounts Counts { get; private set; }

    /// <summary>Raised with the counts after each batch.</summary>
    public event Action<ImportCounts>? Progress;

    /// <summary>Imports all lines. May be called once.</summary>
    /// <param name="input">The lines.</param>
    /// <param name="isWhole">Whether header and end must be there; otherwise the lines may be a part of an export.</param>
    /// <param name="cancellationToken">Stops; what was imported stays.</param>
    /// <exception cref="LedgerFormatException">A line is wrong; what precedes it may have been imported.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be written; what precedes may have been imported.</exception>
    public async Task<ImportCounts> RunAsync(Stream input, bool isWhole, CancellationToken cancellationToken)
    {
        var number = 0L;
        await foreach (var line in LinesAsync(input, cancellationToken).ConfigureAwait(false))
        {
            number++;
            if (line.Length == 0) continue;
            if (_end is not null) throw new LedgerFormatException(number, "It follows the end; an export ends with that line.");
            switch (FirstMember(line, number))
            {
                case "format": ReadHeader(line, number); break;
                case "end": ReadEnd(line, number); break;
                default:
                    if (isWhole && _header is null)
                        throw new LedgerFormatException(number, $"An export begins with the line {{\"format\":\"{LedgerHeader.FormatName}\", ...}}.");
                    await AddAsync(line, number, cancellationToken).ConfigureAwait(false);
                    break;
            }
        }

        if ((isWhole || _header is not null) && _end is null)
        {
            await FlushAsync(number, cancellationToken).ConfigureAwait(false);
            throw new LedgerFormatException(
                number + 1, "The line {\"end\":true, ...} is missing, so the export was cut off. Export again; importing twice is harmless.");
        }

        await FlushAsync(number, cancellationToken).ConfigureAwait(false);
        if (_header?.Horizon is { } horizon) await ledger.RaiseHorizonAsync(horizon, cancellationToken).ConfigureAwait(false);
        return Counts;
    }

    private void ReadHeader(ReadOnlyMemory<byte> line, long number)
    {
        if (number != 1) throw new LedgerFormatException(number, "Only the first line may be a header; import several exports one by one.");
        var header = Parse(line, number, LedgerLineJson.Strict.LedgerHeader);
        if (header.Format != LedgerHeader.FormatName)
            throw new LedgerFormatException(number, $"The format is '{header.Format}'; it must be '{LedgerHeader.FormatName}'.");
        if (header.Version is < 1 or > LedgerHeader.CurrentVersion)
        {
            throw new LedgerFormatException(
                number, $"The export has version {header.Version}; this program reads up to {LedgerHeader.CurrentVersion}. Use a newer program.");
        }

        _header = header;
    }

    private void ReadEnd(ReadOnlyMemory<byte> line, long number)
    {
        _end = Parse(line, number, LedgerLineJson.Strict.LedgerEnd);
        if (_end.Records != _records)
        {
            var declared = Wording.Count(_end.Records, "record");
            throw new LedgerFormatException(number, $"The export has {declared}, but {_records} precede this line; export again.");
        }
    }

    private async ValueTask AddAsync(ReadOnlyMemory<byte> line, long number, CancellationToken cancellationToken)
    {
        SyncRecord record;
        try
        {
            record = Parse(line, number, LedgerLineJson.Strict.LedgerLine).ToRecord();
        }
        catch (Exception fault) when (fault is FormatException or OverflowException)
        {
            throw new LedgerFormatException(number, fault.Message);
        }

        if (_ids.Contains(record.ContentId) || _batch.Count == MaxBatch || _batchBytes + line.Length > MaxBatchBytes)
            await FlushAsync(number - 1, cancellationToken).ConfigureAwait(false);
        if (_batch.Count == 0) _batchStart = number;
        _records++;
        _batch.Add(record);
        _ids.Add(record.ContentId);
        _batchBytes += line.Length;
    }

    private async ValueTask FlushAsync(long last, CancellationToken cancellationToken)
    {
        if (_batch.Count == 0) return;
        try
        {
            Counts = Counts.Plus(await ledger.ImportAsync(_batch, cancellationToken).ConfigureAwait(false));
        }
        catch (Exception fault) when (fault is ArgumentException or BodyTooLargeException)
        {
            throw new LedgerFormatException(_batchStart, $"One of the lines {_batchStart} to {last} does not fit into the ledger. {fault.Message}");
        }

        _batch.Clear();
        _ids.Clear();
        _batchBytes = 0;
        Progress?.Invoke(Counts);
    }

    private static T Parse<T>(ReadOnlyMemory<byte> line, long number, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(line.Span, type) ?? throw NotAnObject(number);
        }
        catch (Exception fault) when (fault is JsonException or FormatException or OverflowException)
        {
            throw new LedgerFormatException(number, Sentence(fault));
        }
    }

    private static string Sentence(Exception fault) => fault switch
    {
        JsonException { Path: "$.state" } => "state must be one of pending, synchronized, parked, tombstone.",
        JsonException { Path: "$.parkReason" } => "parkReason must be one of rejected, attemptsExhausted, ageExceeded.",
        JsonException json when json.Message.IndexOf("missing required", StringComparison.Ordinal) is > 0 and var at => $"It is {json.Message[at..]}",
        _ => fault.Message,
    };

    private static string? FirstMember(ReadOnlyMemory<byte> line, long number)
    {
        try
        {
            var json = new Utf8JsonReader(line.Span);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject) throw NotAnObject(number);
            return json.Read() && json.TokenType == JsonTokenType.PropertyName ? json.GetString() : null;
        }
        catch (JsonException)
        {
            throw NotAnObject(number);
        }
    }

    private static LedgerFormatException NotAnObject(long number) => new(number, "It is not a JSON object; each line must be one.");

    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> LinesAsync(
        Stream input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reader = PipeReader.Create(input, new StreamPipeReaderOptions(leaveOpen: true));
        var number = 1L;
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            var rest = read.Buffer;
            for (; rest.PositionOf((byte)'\n') is { } end; number++)
            {
                yield return rest.Slice(0, end).ToArray();
                rest = rest.Slice(rest.GetPosition(1, end));
            }

            if (rest.Length > MaxLineBytes)
                throw new LedgerFormatException(number, string.Create(CultureInfo.InvariantCulture, $"It is longer than {MaxLineBytes} bytes."));
            if (read.IsCompleted && rest.Length > 0) yield return rest.ToArray();
            reader.AdvanceTo(rest.Start, rest.End);
            if (read.IsCompleted) break;
        }

        await reader.CompleteAsync().ConfigureAwait(false);
    }
}

/// <summary>A line of an export cannot be imported.</summary>
/// <param name="line">The line, from 1.</param>
/// <param name="reason">What is wrong with it and what would be right, in sentences.</param>
public sealed class LedgerFormatException(long line, string reason)
    : Exception(string.Create(CultureInfo.InvariantCulture, $"Line {line} cannot be imported. {reason}"));
