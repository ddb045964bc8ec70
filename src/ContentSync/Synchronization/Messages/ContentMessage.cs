using ContentSync.Content;

namespace ContentSync.Synchronization.Messages;

/// <summary>What a message holds.</summary>
public abstract record ContentMessage
{
    private ContentMessage()
    {
    }

    /// <summary>One item or several, each sound or not; never empty.</summary>
    /// <param name="Entries">In the message's order.</param>
    public sealed record Items(IReadOnlyList<MessageItem> Entries) : ContentMessage;

    /// <summary>A content that is in the ledger.</summary>
    public sealed record ItemReference(SyncMessage Message) : ContentMessage;

    /// <summary>None of it can be used.</summary>
    /// <param name="Fault">What is wrong and what would be right.</param>
    public sealed record Invalid(string Fault) : ContentMessage;
}

/// <summary>One item of a message.</summary>
/// <param name="Result">The item, or what is wrong with it.</param>
/// <param name="Text">Its bytes within the message's body.</param>
/// <param name="ContentType">Media type of <paramref name="Text"/> as a message of its own.</param>
public sealed record MessageItem(ContentReadResult Result, ReadOnlyMemory<byte> Text, string? ContentType);
