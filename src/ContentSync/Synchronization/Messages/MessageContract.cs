namespace ContentSync.Synchronization.Messages;

/// <summary>
/// The queue contract. A message is one content item, a JSON array of items, a CloudEvents 1.0 event (structured or binary) whose
/// data is one item, a batch of such events, or a reference to a content that is in the ledger already.
/// </summary>
public static class MessageContract
{
    /// <summary>Application property with the schema's name: <see cref="ContentSchema"/> or <see cref="ReferenceSchema"/>; absent means the first.</summary>
    public const string SchemaProperty = "schema";

    /// <summary>Application property with the schema's version, an integer; absent means 1, the only one so far.</summary>
    public const string SchemaVersionProperty = "schemaVersion";

    /// <summary>One item or several, as the HTTP API takes them too.</summary>
    public const string ContentSchema = "content";

    /// <summary>Names a content in the ledger: <c>{"contentId":"…","requestId":"…","hop":0}</c>. What the app sends to itself.</summary>
    public const string ReferenceSchema = "content-reference";

    /// <summary>The schema version this code reads and writes.</summary>
    public const int SchemaVersion = 1;

    /// <summary>Application property of an item that was split off from an array: the array's MessageId. Such a body is one item, whatever it looks like.</summary>
    public const string SplitFromProperty = "splitFrom";

    /// <summary>Application property of a copy: how many copies were made before it.</summary>
    public const string HopProperty = "hop";

    /// <summary>Application property of a copy: the MessageId that the sender of the original gave it.</summary>
    public const string OriginalIdProperty = "originalMessageId";

    /// <summary>Application property of a copy: when the broker received the original, ISO 8601. The revision of an item that brings none.</summary>
    public const string ReceivedAtProperty = "receivedAt";

    /// <summary>Application property of a dead-lettered message: the contentId, where there is one.</summary>
    public const string ContentIdProperty = "contentId";

    /// <summary>Application property of a dead-lettered message: the pending request's id.</summary>
    public const string RequestIdProperty = "requestId";

    /// <summary>Application property of a dead-lettered message: AlipayHK's resultCode, a code of the client's own, or the code of the first violation.</summary>
    public const string CodeProperty = "resultCode";

    /// <summary>Application property of a dead-lettered message: AlipayHK's trace id of the last attempt.</summary>
    public const string TracerIdProperty = "tracerId";

    /// <summary>Most characters in a MessageId (Service Bus).</summary>
    public const int MaxMessageIdLength = 128;

    /// <summary>Most characters in a dead-letter description; Service Bus takes 4,096, a person reads fewer.</summary>
    public const int MaxDescriptionLength = 1024;
}

/// <summary>Why a message is dead-lettered.</summary>
public static class DeadLetterReasons
{
    /// <summary>It is not what the contract says. The description names the fault.</summary>
    public const string InvalidMessage = nameof(InvalidMessage);

    /// <summary>Its revision was accepted before with other content.</summary>
    public const string RevisionConflict = nameof(RevisionConflict);

    /// <summary>It refers to a content that is not in the ledger.</summary>
    public const string UnknownContent = nameof(UnknownContent);
}
