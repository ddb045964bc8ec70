using System.Globalization;
using ContentSync.Ledger;

namespace ContentSync.Synchronization.Messages;

/// <summary>A dead-lettered message.</summary>
/// <param name="SequenceNumber">The broker's number of the message; unique in its queue.</param>
/// <param name="Message">The message as it was delivered last, with the properties that say why it is here.</param>
/// <param name="SessionId">Its lane, on the resync queue.</param>
/// <param name="Reason">One of <see cref="DeadLetterReasons"/>, the name of a <see cref="ParkReason"/>, or the broker's own reason.</param>
/// <param name="Description">What is wrong.</param>
/// <param name="DeliveryCount">How often it was delivered.</param>
public sealed record DeadLetter(
    long SequenceNumber, QueueMessage Message, string? SessionId, string? Reason, string? Description, int DeliveryCount)
{
    private const string BrokerReason = "DeadLetterReason";
    private const string BrokerDescription = "DeadLetterErrorDescription";

    // Written when the message was dead-lettered. The next dead-lettering does not write all of them, so old values would mislead.
    private static readonly string[] Diagnosis =
    [
        BrokerReason, BrokerDescription, MessageContract.ContentIdProperty, MessageContract.RequestIdProperty, MessageContract.CodeProperty,
        MessageContract.TracerIdProperty,
    ];

    /// <summary>When the broker received the original, however often it was copied or resubmitted since.</summary>
    public DateTimeOffset FirstReceivedAt => Message.ReceivedAt();

    /// <summary>The contentId, if known.</summary>
    public string? ContentId => Text(MessageContract.ContentIdProperty);

    /// <summary>
    /// AlipayHK's resultCode, one of the client's own codes, or the code of the first violation; null if the broker dead-lettered it.
    /// </summary>
    public string? Code => Text(MessageContract.CodeProperty);

    /// <summary>The tracer id of the item's last attempt.</summary>
    public string? TracerId => Text(MessageContract.TracerIdProperty);

    /// <summary>
    /// Its id when it is resubmitted. The queue drops a message whose id it saw in the last minutes, silently, and the message could have been
    /// dead-lettered or resubmitted just now, so the id is a new one. It depends only on this message, so resubmitting it once more after a
    /// crash gives the queue the chance to drop the copy. <see cref="MessageContract.OriginalIdProperty"/> keeps the sender's id.
    /// </summary>
    public string ResubmittedId => OutgoingMessage.Id(
        OutgoingMessage.OriginalId(Message), "resubmitted", SequenceNumber.ToString(CultureInfo.InvariantCulture));

    /// <summary>
    /// Its application properties when it is resubmitted: without the diagnosis, and with the first received time, which orders items.
    /// </summary>
    public IReadOnlyDictionary<string, object> ResubmittedProperties
    {
        get
        {
            var properties = new Dictionary<string, object>(Message.Properties)
            {
                [MessageContract.OriginalIdProperty] = OutgoingMessage.OriginalId(Message),
                [MessageContract.ReceivedAtProperty] = OutgoingMessage.Text(Message.ReceivedAt()),
            };
            foreach (var name in Diagnosis) properties.Remove(name);
            return properties;
        }
    }

    /// <summary>The application properties without those that say why it is here.</summary>
    public IEnumerable<KeyValuePair<string, object>> SenderProperties => Message.Properties.Where(property => !Diagnosis.Contains(property.Key));

    /// <summary>What a person should do, in one or two sentences.</summary>
    public string Advice => Reason switch
    {
        DeadLetterReasons.InvalidMessage when Message.Properties.ContainsKey(MessageContract.MappingFaultProperty) =>
            "Correct the record or the mapping and send the record again, then discard this message: it does not hold the record.",
        DeadLetterReasons.InvalidMessage =>
            "Correct the message at its sender, send it again and discard this one. Resubmit it if a setting, a schema or a mapping was at fault.",
        DeadLetterReasons.RevisionConflict => "Send the item with a higher revision, then discard this message.",
        DeadLetterReasons.UnknownContent => "Send the item itself, then discard this message.",
        nameof(ParkReason.Rejected) or nameof(ParkReason.AttemptsExhausted) or nameof(ParkReason.AgeExceeded) =>
            "The ledger holds the item as parked: correct or replay it there, then discard this message. Resubmitting it does not replay the item.",
        _ => "The broker gave up delivering it. Resubmit it once the cause is corrected.",
    };

    private string? Text(string name) => Message.Properties.TryGetValue(name, out var value) ? value as string : null;
}
