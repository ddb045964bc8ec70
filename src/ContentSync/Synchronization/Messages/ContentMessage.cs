using ContentSync.Content;

namespace ContentSync.Synchronization.Messages;

/// <summary>The decoded content of a message.</summary>
public abstract record ContentMessage
{
    private ContentMessage()
    {
    }

    /// <summary>Items, each of them valid or invalid; none only if a mapping selects none of its records.</summary>
    /// <param name="Entries">The items in the order of the message.</param>
    public sealed record Items(IReadOnlyList<MessageItem> Entries) : ContentMessage;

    /// <summary>A reference to an item in the ledger.</summary>
    public sealed record ItemReference(SyncMessage Message) : ContentMessage;

    /// <summary>The message is unusable as a whole.</summary>
    /// <param name="Fault">What is wrong and how to correct it.</param>
    public sealed record Invalid(string Fault) : ContentMessage;
}

/// <summary>One item of a message.</summary>
/// <param name="Result">The item, or its violations.</param>
/// <param name="Text">The item's bytes in the message body.</param>
/// <param name="ContentType">Media type of <paramref name="Text"/> if it is sent as a separate message.</param>
public sealed record MessageItem(ContentReadResult Result, ReadOnlyMemory<byte> Text, string? ContentType);
