using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ContentSync.Ledger;

/// <summary>
/// Writes all records of a ledger as NDJSON, for backup, migration and audits: a header, a line for each record in no particular order,
/// and an end that proves completeness. Takes constant memory. A record that changes meanwhile appears in its old or its new state.
/// </summary>
public sealed class LedgerExport(Stream output)
{
    private const int FlushBytes = 64 * 1024;

    private readonly ArrayBufferWriter<byte> _buffer = new(2 * FlushBytes);

    /// <returns>The number of records.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read; what is written has no end.</exception>
    public async Task<long> WriteAsync(
        IAsyncEnumerable<SyncRecord> records, DateTimeOffset? horizon, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var count = 0L;
        WriteHeader(horizon, now);
        await foreach (var record in records.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            Write(record);
            count++;
            if (_buffer.WrittenCount >= FlushBytes) await FlushAsync(cancellationToken).ConfigureAwait(false);
        }

        await WriteEndAsync(count, cancellationToken).ConfigureAwait(false);
        return count;
    }

    /// <summary>Writes records that are a part of an export, without header and end.</summary>
    public async Task WritePartAsync(IEnumerable<SyncRecord> records, CancellationToken cancellationToken)
    {
        foreach (var record in records) Write(record);
        await FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes an export without records, which carries the horizon only.</summary>
    public Task WriteHorizonAsync(DateTimeOffset horizon, DateTimeOffset now, CancellationToken cancellationToken)
    {
        WriteHeader(horizon, now);
        return WriteEndAsync(0, cancellationToken);
    }

    private void WriteHeader(DateTimeOffset? horizon, DateTimeOffset now) => WriteLine(
        new LedgerHeader(LedgerHeader.FormatName, LedgerHeader.CurrentVersion, now, horizon), LedgerLineJson.Strict.LedgerHeader);

    private void Write(SyncRecord record) => WriteLine(LedgerLine.Of(record), LedgerLineJson.Strict.LedgerLine);

    private Task WriteEndAsync(long records, CancellationToken cancellationToken)
    {
        WriteLine(new LedgerEnd(End: true, records), LedgerLineJson.Strict.LedgerEnd);
        return FlushAsync(cancellationToken);
    }

    private void WriteLine<T>(T value, JsonTypeInfo<T> type)
    {
        using (var json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { Encoder = type.Options.Encoder }))
            JsonSerializer.Serialize(json, value, type);
        _buffer.Write("\n"u8);
    }

    private async Task FlushAsync(CancellationToken cancellationToken)
    {
        await output.WriteAsync(_buffer.WrittenMemory, cancellationToken).ConfigureAwait(false);
        await output.FlushAsync(cancellationToken).ConfigureAwait(false);
        _buffer.ResetWrittenCount();
    }
}
