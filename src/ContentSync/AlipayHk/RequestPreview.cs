using System.Text;

namespace ContentSync.AlipayHk;

/// <summary>The request that would be sent for a body, neither signed nor sent.</summary>
/// <param name="Url">Address of the request.</param>
/// <param name="Headers">In wire order, with <see cref="NotSigned"/> for the signature.</param>
/// <param name="Body">The exact body; base64 text if encryption is on.</param>
/// <param name="StringToSign">The text whose SHA-256 would be signed.</param>
public sealed record RequestPreview(Uri Url, IReadOnlyList<KeyValuePair<string, string>> Headers, string Body, string StringToSign)
{
    /// <summary>Placeholder for the Signature header's value.</summary>
    public const string NotSigned = "<not signed in a preview>";

    /// <summary>
    /// Renders the request as it would be sent at <paramref name="now"/>. Encryption uses a fresh key each time, so an encrypted
    /// preview never repeats.
    /// </summary>
    /// <param name="options">Validated options.</param>
    /// <param name="body">From <see cref="SynchronizeRequest.Prepare"/>.</param>
    /// <param name="now">Becomes the Request-Time header.</param>
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
