namespace ContentSync.SimulatedStorage;

/// <summary>Counts requests and the bytes of their bodies at the transport. Thread-safe.</summary>
public sealed class TransportCounter(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    private long _requests;
    private long _reads;
    private long _sent;
    private long _received;

    /// <summary>Requests, retries included. Table storage bills each as one transaction.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Those of them that are GET requests.</summary>
    public long Reads => Interlocked.Read(ref _reads);

    /// <summary>Bytes of the request bodies.</summary>
    public long BytesSent => Interlocked.Read(ref _sent);

    /// <summary>Bytes of the response bodies.</summary>
    public long BytesReceived => Interlocked.Read(ref _received);

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _requests);
        if (request.Method == HttpMethod.Get) Interlocked.Increment(ref _reads);
        if (request.Content is { } content)
            Interlocked.Add(ref _sent, (await content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false)).Length);
        var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        await response.Content.LoadIntoBufferAsync(cancellationToken).ConfigureAwait(false);
        Interlocked.Add(ref _received, (await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false)).Length);
        return response;
    }
}
