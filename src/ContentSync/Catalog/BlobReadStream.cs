namespace ContentSync.Catalog;

/// <summary>The content of a blob, which its client reads in parts. A fault of the storage meanwhile becomes an <see cref="IOException"/>.</summary>
/// <param name="blob">The client's stream.</param>
/// <param name="fault">Makes the exception to throw of a fault; the token is the reader's.</param>
internal sealed class BlobReadStream(Stream blob, Func<Exception, CancellationToken, IOException> fault) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => blob.Length;

    public override long Position { get => blob.Position; set => blob.Position = value; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await blob.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (BlobFault.IsStorage(e))
        {
            throw fault(e, cancellationToken);
        }
    }

    public override long Seek(long offset, SeekOrigin origin) => blob.Seek(offset, origin);

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Use ReadAsync.");

    public override void Flush() => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) blob.Dispose();
        base.Dispose(disposing);
    }
}
