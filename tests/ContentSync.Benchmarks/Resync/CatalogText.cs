using System.Globalization;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Benchmarks.Resync;

/// <summary>A catalog of items of about 300 bytes, generated while it is read, and the ledger that is in sync with it.</summary>
internal sealed class CatalogText(long items) : ICatalogSnapshot, ILedgerScan
{
    // The hash does not depend on the contentId, and the generated items differ in nothing else.
    private readonly ContentHash _hash =
        new ContentReader(new ContentOptions(), TimeProvider.System).Read(Encoding.UTF8.GetBytes(Line(0))).Item!.Hash;

    private readonly VersionOrder _order =
        VersionOrder.First(new ChangeVersion(null, null, DateTimeOffset.UnixEpoch), null, DateTimeOffset.UnixEpoch);

    public string Name => "generated";

    public string Digest => items.ToString(CultureInfo.InvariantCulture);

    public DateTimeOffset WrittenAt => DateTimeOffset.UnixEpoch.AddYears(60);

    public ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) => ValueTask.FromResult<Stream>(new LineStream(items));

    public ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken) => ValueTask.FromResult(true);

    public async IAsyncEnumerable<ScannedItem> ReadAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Yield();
        for (var i = 0L; i < items; i++) yield return Item(i);
    }

    /// <summary>An item of the ledger, by its number from 0.</summary>
    public ScannedItem Item(long i) => new(Id(i), _hash, ContentStatus.Valid, SyncState.Synchronized, null, DateTimeOffset.UnixEpoch, _order);

    private static string Id(long i) => string.Create(CultureInfo.InvariantCulture, $"SKU-{i:d9}");

    private static string Line(long i) =>
        $$$"""{"contentId":"{{{Id(i)}}}","contentType":"SKU","contentStatus":1,"contentInfo":{"category":"e-commerce","localeInfo":"""
        + """{"zh_HK":{"name":"手工曲奇禮盒"},"en_US":{"name":"Hand-made cookie gift box"}},"currencyCode":"HKD","currentAmountCent":12900,"""
        + "\"stock\":42,\"imageUrl\":\"https://img.example.com/sku/cookies.jpg\"}}\n";

    private sealed class LineStream(long items) : Stream
    {
        private byte[] _line = [];
        private int _at;
        private long _next;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var written = 0;
            while (written < buffer.Length)
            {
                if (_at == _line.Length)
                {
                    if (_next == items) break;
                    _line = Encoding.UTF8.GetBytes(Line(_next++));
                    _at = 0;
                }

                var length = Math.Min(buffer.Length - written, _line.Length - _at);
                _line.AsSpan(_at, length).CopyTo(buffer[written..]);
                written += length;
                _at += length;
            }

            return written;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(Read(buffer.Span));

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
