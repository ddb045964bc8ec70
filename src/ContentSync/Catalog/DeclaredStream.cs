using System.Security.Cryptography;

namespace ContentSync.Catalog;

/// <summary>
/// The bytes of a catalog about which something was declared. Fails at its end if they do not have the declared digest. Its reader reports
/// the number of items, which must be the declared one.
/// </summary>
/// <param name="inner">The bytes; disposed of with this stream.</param>
/// <param name="declared">All must hold.</param>
/// <param name="proven">Called if the catalog is what was declared.</param>
internal sealed class DeclaredStream(Stream inner, IReadOnlyList<CatalogDeclaration> declared, Action proven) : Stream
{
    private readonly string[] _digests = [.. declared.Select(one => one.Sha256).OfType<string>()];
    private readonly IncrementalHash _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool _isChecked;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>The catalog was read to its end.</summary>
    /// <param name="items">Number of its items.</param>
    /// <param name="declaredByLines">Whether its own lines declare that number.</param>
    /// <exception cref="CatalogFormatException">Another number is declared.</exception>
    public void Complete(long items, bool declaredByLines)
    {
        if (declared.FirstOrDefault(one => one.Items is { } count && count != items) is { Items: { } other })
            throw new CatalogFormatException(DeclaredLines.Incomplete(other, items), 1, 0);
        if (declaredByLines || declared.Any(one => one.ProvesCompleteness)) proven();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        if (_digests.Length == 0 || _isChecked || buffer.IsEmpty) return read;
        _sha256.AppendData(buffer.Span[..read]);
        if (read == 0) Check();
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Use ReadAsync.");

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _sha256.Dispose();
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Check()
    {
        _isChecked = true;
        var digest = Convert.ToHexStringLower(_sha256.GetHashAndReset());
        if (Array.Find(_digests, other => other != digest) is { } declaredDigest)
        {
            throw new CatalogFormatException(
                $"The catalog has the SHA-256 {digest}, but {declaredDigest} is declared; it is incomplete, or not the declared file.", 1, 0);
        }
    }
}
