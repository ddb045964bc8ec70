using Amqp;

namespace ContentSync.ServiceBusBroker;

/// <summary>Encodes and decodes messages, and converts addresses to names.</summary>
internal static class AmqpText
{
    /// <summary>The entity name in an address: without scheme, host and outer slashes, in lower case.</summary>
    public static string? NameOf(string? address)
    {
        if (address is null) return null;
        var isUri = Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme.StartsWith("amqp", StringComparison.Ordinal);
        return (isUri ? uri!.AbsolutePath : address).Trim('/').ToLowerInvariant();
    }

    public static Message Decode(byte[] encoded) => Message.Decode(new ByteBuffer(encoded, 0, encoded.Length, encoded.Length));

    public static byte[] Encode(Message message)
    {
        var buffer = message.Encode();
        return buffer.Buffer.AsSpan(buffer.Offset, buffer.Length).ToArray();
    }

    public static byte[]? Binary(object? value) => value switch
    {
        byte[] bytes => bytes,
        ByteBuffer buffer => buffer.Buffer.AsSpan(buffer.Offset, buffer.Length).ToArray(),
        _ => null,
    };
}
