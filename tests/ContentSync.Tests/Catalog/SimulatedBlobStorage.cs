using System.Net;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Azure.Storage.Blobs;
using ContentSync.SimulatedStorage;

namespace ContentSync.Tests.Catalog;

/// <summary>A simulated container, and a client of it that tries twice.</summary>
internal sealed class SimulatedBlobStorage : IDisposable
{
    private readonly HttpClient _http;

    /// <param name="name">Name of the container.</param>
    public SimulatedBlobStorage(string name)
    {
        _http = new HttpClient(new Network(this));
        var options = new BlobClientOptions { Transport = new HttpClientTransport(_http) };
        options.Retry.MaxRetries = 1;
        options.Retry.Delay = TimeSpan.FromMilliseconds(1);
        Client = new BlobContainerClient(new Uri($"https://account.blob.example/{name}?tenant=secret"), new Credential(this), options);
    }

    public SimulatedBlobContainer Container { get; } = new(TimeProvider.System);

    public BlobContainerClient Client { get; }

    /// <summary>What is wrong; null for nothing.</summary>
    public BlobOutage? Outage { get; set; }

    public void Dispose()
    {
        _http.Dispose();
        Container.Dispose();
    }

    private sealed class Network(SimulatedBlobStorage storage) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            switch (storage.Outage)
            {
                case BlobOutage.Unreachable:
                    throw new HttpRequestException(HttpRequestError.ConnectionError, "No route to host.");
                case BlobOutage.Silent:
                    throw new TaskCanceledException("The client waited for its timeout.");
                case BlobOutage.Busy:
                    return SimulatedBlobContainer.Error(HttpStatusCode.ServiceUnavailable, "ServerBusy");
            }

            var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken);
            return storage.Container.Serve(request, body);
        }
    }

    // Every request asks for a token, as each has expired already.
    private sealed class Credential(SimulatedBlobStorage storage) : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            storage.Outage == BlobOutage.NoToken
                ? throw new AuthenticationFailedException("There is no identity.")
                : new AccessToken("token", DateTimeOffset.UnixEpoch);

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            new(GetToken(requestContext, cancellationToken));
    }
}

public enum BlobOutage
{
    /// <summary>No connection. The client wraps the faults of its attempts in one exception.</summary>
    Unreachable,

    /// <summary>No response. The client reports its own timeout as a cancellation that no caller requested.</summary>
    Silent,

    NoToken,

    Busy,
}
