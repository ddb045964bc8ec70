using System.Buffers;
using System.IO.Compression;

namespace ContentSync.Ledger;

/// <summary>
/// A request body as an entity holds it: Brotli, in pieces of 64 KiB, the most a binary property takes. An entity has 1 MiB for
/// all its properties; twelve pieces leave a quarter of it for the others.
/// </summary>
internal static class TableLedgerBody
{
    /// <summary>Most bytes of a body after compression.</summary>
    public const int MaxCompressedBytes = MaxPieces * PieceBytes;

    private const int MaxPieces = 12;
    private const int PieceBytes = 64 * 1024;

    // The fastest level: the next that compresses better takes several times as long for a tenth less.
    private const int Quality = 1;
    private const int WindowBits = 18;

    /// <returns>No piece for an empty body; null where the body is too large.</returns>
    public static byte[][]? Compress(ReadOnlySpan<byte> body)
    {
        if (body.IsEmpty) return [];
        var buffer = ArrayPool<byte>.Shared.Rent(BrotliEncoder.GetMaxCompressedLength(body.Length));
        try
        {
            if (!BrotliEncoder.TryCompress(body, buffer, out var length, Quality, WindowBits) || length > MaxCompressedBytes) return null;
            var pieces = new byte[(length + PieceBytes - 1) / PieceBytes][];
            for (var i = 0; i < pieces.Length; i++) { pieces[i] = buffer[(i * PieceBytes)..Math.Min(length, (i + 1) * PieceBytes)]; }
            return pieces;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <param name="pieces">The pieces in their order.</param>
    /// <param name="length">Length of the body.</param>
    /// <exception cref="InvalidDataException">The pieces are not the ones of a body of this length.</exception>
    public static byte[] Decompress(IReadOnlyList<byte[]> pieces, int length)
    {
        var body = new byte[length];
        using var decoder = new BrotliDecoder();
        var rest = body.AsSpan();
        var status = OperationStatus.Done;
        foreach (var piece in pieces)
        {
            status = decoder.Decompress(piece, rest, out _, out var written);
            rest = rest[written..];
        }

        if (status != OperationStatus.Done || rest.Length > 0) throw new InvalidDataException("The stored body is damaged.");
        return body;
    }
}
