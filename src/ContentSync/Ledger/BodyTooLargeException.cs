namespace ContentSync.Ledger;

/// <summary>
/// A request body does not fit into the ledger; a retry does not help. Cannot happen while the options stay within
/// <see cref="Content.ContentOptions.ContentInfoBytesLimit"/>.
/// </summary>
public sealed class BodyTooLargeException(string contentId, int bytes) : Exception(
    $"The request for item {contentId} has {bytes} bytes; compressed, it exceeds the {TableLedgerBody.MaxCompressedBytes} bytes "
    + "that a table entity can hold.")
{
    public string ContentId => contentId;

    /// <summary>Length of the body before compression.</summary>
    public int Bytes => bytes;
}
