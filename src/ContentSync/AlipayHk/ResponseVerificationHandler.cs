using System.Buffers;
using System.Runtime.CompilerServices;

namespace ContentSync.AlipayHk;

/// <summary>
/// Reads a response's raw bytes up to the limit and verifies their signature before anything parses them. Passes bytes and outcome
/// on as the response's content; refuses nothing itself.
/// </summary>
internal sealed class ResponseVerificationHandler(AlipayHkOptions options, ResponseVerification verification) : DelegatingHandler
{
    private const int InitialBufferBytes = 4096;

    private readonly int _maxBytes = options.MaxResponseBytes;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        try
        {
            using var content = response.Content;
            response.Content = await ReceiveAsync(request, response, content, cancellationToken).ConfigureAwait(false);
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReceivedContent> ReceiveAsync(
        HttpRequestMessage request,
        HttpResponseMessage response,
        HttpContent content,
        CancellationToken cancellationToken)
    {
        var stream = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using var closing = stream.ConfigureAwait(false);
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Min(InitialBufferBytes, _maxBytes + 1));
        try
        {
            var length = 0;
            while (true)
            {
                if (length == buffer.Length) buffer = Grow(buffer);
                var read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
                if (read == 0) break;
                length += read;
                if (length > _maxBytes) return new ReceivedContent(default, default, tooLarge: true);
            }

            var bytes = buffer.AsSpan(0, length).ToArray();
            return new ReceivedContent(bytes, Check(request, response, bytes), tooLarge: false)
            {
                ContentType = content.Headers.NonValidated.TryGetValues("Content-Type", out var values) ? values.ToString() : null,
            };
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private ResponseCheck Check(HttpRequestMessage request, HttpResponseMessage response, byte[] bytes) => verification.Check(
        WireHeaders.Find(response, WireHeaders.Signature),
        WireHeaders.Find(response, WireHeaders.ResponseTime),
        WireHeaders.Find(response, WireHeaders.ClientId),
        request.Headers.NonValidated[WireHeaders.RequestTime].ToString(),
        bytes);

    private static byte[] Grow(byte[] full)
    {
        var larger = ArrayPool<byte>.Shared.Rent(full.Length * 2);
        full.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(full);
        return larger;
    }
}
