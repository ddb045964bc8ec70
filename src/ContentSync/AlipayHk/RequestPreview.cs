using System.Text;

namespace ContentSync.AlipayHk;

/// <summary>What would be sent for a body, without signing or sending it.</summary>
/// <param name="Url">Where it would go.</param>
/// <param name="Headers">In the order of the wire, the signature replaced by <see cref="NotSigned"/>.</param>
/// <param name="Body">The exact body; the base64 text where encryption is on.</param>
/// <param name="StringToSign">The text whose SHA-256 would be signed.</param>
public sealed record RequestPreview(Uri Url, IReadOnlyList<KeyValuePair<string, string>> Headers, string Body, string StringToSign)
{
    /// <summary>Stands in place of the Signature header's value.</summary>
    public const string NotSigned = "<not signed in a preview>";

    /// <summary>Shows the request as it would be sent at <paramref name="now"/>. Encryption uses a fresh key each time, so an encrypted preview never repeats.</summary>
    /// <param name="options">Validated.</param>
    /// <param name="body">As <see cref="SynchronizeRequest.Prepare"/> made it.</param>
    /// <param name="now">The Request-Time.</param>
    public static RequestPreview Render(AlipayHkOptions options, ReadOnlyMemory<byte> body, DateTimeOffset now)
    {
        var time = RequestTime.Format(now);
        var contentType = WireHeaders.JsonContentType;
        var headers = new List<KeyValuePair<string, string>>();
        if (options.Encryption.Enabled)
        {
            using var keys = new AlipayHkKeys(options);
            var encrypted = new BodyEncryption(options.Encryption, keys).Encrypt(body.Span);
            headers.Add(new(WireHeaders.Encrypt, encrypted.Header));
            body = encrypted.Text;
            contentType = options.Encryption.ContentType;
        }

        headers.Add(new(WireHeaders.ClientId, options.ClientId));
        headers.Add(new(WireHeaders.RequestTime, time));
        headers.Add(new(WireHeaders.Signature, NotSigned));
        headers.Add(new("Content-Type", contentType));
        var stringToSign = new StringToSign(options.Path, options.ClientId).Render(time, body.Span);
        return new RequestPreview(new Uri(options.BaseAddress!, options.Path), headers, Encoding.UTF8.GetString(body.Span), stringToSign);
    }
}
