using System.Buffers;
using System.IO.Compression;

namespace ContentSync.Ledger;

/// <summary>
/// The stored form of a request body: Brotli, in pieces of 64 KiB, the limit of a binary property. An entity is limited to 1 MiB;
/// twelve pieces leave a quarter of it for the other properties.
/// </summary>
internal static class TableLedgerBody
{
    /// <summary>Maximum length of a compressed body.</summary>
    public const int MaxCompressedBytes = MaxPieces * PieceBytes;

    private const int MaxPieces = 12;
    private const int PieceBytes = 64 * 1024;

    // The fastest level. The next one that compresses better takes several times as long and saves a tenth.
    private const int Quality = 1;
    private const int WindowBits = 18;

    /// <returns>The pieces, none for an empty body; null if the body is too large.</returns>
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

    /// <param name="pieces">The pieces in order.</param>
    /// <param name="length">Length of the body before compression.</param>
    /// <exception cref="InvalidDataException">The pieces do not decompress to a body of this length.</exception>
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
