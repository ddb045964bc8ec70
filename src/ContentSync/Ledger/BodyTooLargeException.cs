namespace ContentSync.Ledger;

/// <summary>A request body does not fit into the ledger, now or later. Not reachable while the options keep to <see cref="TableLedger.MaxContentInfoBytes"/>.</summary>
public sealed class BodyTooLargeException(string contentId, int bytes) : Exception(
    $"The request of content {contentId} has {bytes} bytes; compressed it takes more than the {TableLedgerBody.MaxCompressedBytes} bytes that an entity of the table has for it.")
{
    public string ContentId => contentId;

    /// <summary>Length of the body before compression.</summary>
    public int Bytes => bytes;
}
