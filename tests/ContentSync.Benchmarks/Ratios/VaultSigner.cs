using System.Buffers.Text;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using ContentSync.Signing;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>Lets the fake vault sign over HTTP, with as little overhead as such a call needs.</summary>
internal sealed class VaultSigner(Uri vault) : IRequestSigner, IDisposable
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ActivityHeadersPropagator = null,
    });
    private readonly Uri _sign = new(vault, "/keys/content/1/sign");

    public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _sign);
        var body = $$"""{"alg":"RS256","value":"{{Base64Url.EncodeToString(sha256.Span)}}"}""";
        request.Content = new ByteArrayContent(Encoding.ASCII.GetBytes(body));
        request.Content.Headers.ContentType = Json;
        using var response = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK) throw new SigningUnavailableException($"The vault responded with {(int)response.StatusCode}.");
        return new RequestSignature("1", Signature(await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false)));
    }

    public void Dispose() => _http.Dispose();

    private static byte[] Signature(ReadOnlySpan<byte> json)
    {
        var reader = new System.Text.Json.Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType != System.Text.Json.JsonTokenType.PropertyName || !reader.ValueTextEquals("value"u8)) continue;
            reader.Read();
            return Base64Url.DecodeFromUtf8(reader.ValueSpan);
        }

        throw new SigningUnavailableException("The vault's response holds no signature.");
    }
}
