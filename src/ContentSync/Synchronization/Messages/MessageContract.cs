namespace ContentSync.Synchronization.Messages;

/// <summary>
/// The contract of the content queue. A message is one item, a JSON array of items, a CloudEvents 1.0 event (structured or binary)
/// whose data is one item, a batch of such events, a reference to an item that is already in the ledger, or a body in any form together
/// with the name of a mapping.
/// </summary>
public static class MessageContract
{
    /// <summary>
    /// Application property with the name of the schema: <see cref="ContentSchema"/> (the default) or <see cref="ReferenceSchema"/>.
    /// </summary>
    public const string SchemaProperty = "schema";

    /// <summary>Application property with the version of the schema, an integer. The default is 1, the only version so far.</summary>
    public const string SchemaVersionProperty = "schemaVersion";

    /// <summary>
    /// Application property with the name of the mapping that makes items of the body, which may then have any form, such as a shop's own
    /// product event.
    /// </summary>
    public const string MapProperty = "map";

    /// <summary>Schema of one or more items, as in the HTTP API.</summary>
    public const string ContentSchema = "content";

    /// <summary>
    /// Schema of a reference to an item in the ledger: <c>{"contentId":"…","requestId":"…","hop":0}</c>. The app sends references to
    /// itself.
    /// </summary>
    public const string ReferenceSchema = "content-reference";

    /// <summary>The schema version this code reads and writes.</summary>
    public const int SchemaVersion = 1;

    /// <summary>
    /// Application property of an item that was split off from an array: the MessageId of the array. The body is always read as one
    /// item, even if it is a JSON array.
    /// </summary>
    public const string SplitFromProperty = "splitFrom";

    /// <summary>
    /// Application property of an item that was split off because its record could not be mapped: why. The body then names the item, if its
    /// contentId is known, and the message is dead-lettered with this reason.
    /// </summary>
    public const string MappingFaultProperty = "mappingFault";

    /// <summary>Application property of a copy: its number, from 1.</summary>
    public const string HopProperty = "hop";

    /// <summary>Application property of a copy: the MessageId of the original.</summary>
    public const string OriginalIdProperty = "originalMessageId";

    /// <summary>
    /// Application property of a copy: when the broker received the original, ISO 8601. Orders an item without revision and occurredAt.
    /// </summary>
    public const string ReceivedAtProperty = "receivedAt";

    /// <summary>Application property of a dead-lettered message: the contentId, if known.</summary>
    public const string ContentIdProperty = "contentId";

    /// <summary>Application property of a dead-lettered message: the id of the item's request.</summary>
    public const string RequestIdProperty = "requestId";

    /// <summary>
    /// Application property of a dead-lettered message: AlipayHK's resultCode, one of the client's own codes, or the code of the first
    /// violation.
    /// </summary>
    public const string CodeProperty = "resultCode";

    /// <summary>Application property of a dead-lettered message: the tracer id of the last attempt.</summary>
    public const string TracerIdProperty = "tracerId";

    /// <summary>Maximum length of a MessageId in characters (Service Bus).</summary>
    public const int MaxMessageIdLength = 128;

    /// <summary>Maximum length of a dead-letter description in characters. Service Bus allows 4,096; a person reads less.</summary>
    public const int MaxDescriptionLength = 1024;
}

/// <summary>Why a message is dead-lettered.</summary>
public static class DeadLetterReasons
{
    /// <summary>The message violates the contract. The description names the fault.</summary>
    public const string InvalidMessage = nameof(InvalidMessage);

    /// <summary>The item's revision has already been accepted with different content.</summary>
    public const string RevisionConflict = nameof(RevisionConflict);

    /// <summary>The message refers to an item that is not in the ledger.</summary>
    public const string UnknownContent = nameof(UnknownContent);
}
