using System.Net.Http.Headers;
using System.Security.Cryptography;
using Azure;
using Azure.Data.Tables;
using ContentSync.AlipayHk;
using ContentSync.Signing;

namespace ContentSync.DrainWorker;

/// <summary>
/// The calls to other systems that a new item needs, through the same clients as in the app and with about the same bytes: the ledger reads
/// and writes it to accept it, reads and writes it for the lease and writes the outcome; the vault signs; AlipayHK receives it.
/// </summary>
public sealed class OutsideCalls(TableClient table, IRequestSigner signer, AlipayHkOptions options) : IDisposable
{
    /// <summary>Setting with the address of the benchmark's vault.</summary>
    public const string VaultSetting = "DrainVault";

    /// <summary>Setting that is "off" to leave out OpenTelemetry.</summary>
    public const string TelemetrySetting = "DrainTelemetry";

    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly HttpMessageInvoker _http = new(AlipayHkSocket.Open(options));
    private readonly Uri _address = new(options.BaseAddress!, options.Path);

    public async Task MakeAsync(string key, ReadOnlyMemory<byte> item, CancellationToken cancellationToken)
    {
        await table.GetEntityIfExistsAsync<TableEntity>(key, key, cancellationToken: cancellationToken).ConfigureAwait(false);
        var entity = new TableEntity(key, key) { ["Body"] = item.ToArray() };
        for (var i = 0; i < 20; i++) entity[$"Property{i}"] = (long)i;
        // Not an insert, which fails when the client repeats it after a lost response; the ledger recognizes its own writes.
        await table.UpsertEntityAsync(entity, TableUpdateMode.Replace, cancellationToken).ConfigureAwait(false);
        var stored = await table.GetEntityIfExistsAsync<TableEntity>(key, key, cancellationToken: cancellationToken).ConfigureAwait(false);
        entity.Remove("Body");
        var leased = await table
            .UpdateEntityAsync(entity, stored.Value!.ETag, TableUpdateMode.Merge, cancellationToken)
            .ConfigureAwait(false);
        await SendAsync(item, cancellationToken).ConfigureAwait(false);
        await table.UpdateEntityAsync(entity, leased.Headers.ETag ?? ETag.All, TableUpdateMode.Merge, cancellationToken).ConfigureAwait(false);
    }

    public void Dispose() => _http.Dispose();

    // AlipayHK refuses the request at once, because it is not signed as AlipayHK wants; reading the response costs us the same.
    private async Task SendAsync(ReadOnlyMemory<byte> item, CancellationToken cancellationToken)
    {
        var signature = await signer.SignAsync(SHA256.HashData(item.Span), cancellationToken).ConfigureAwait(false);
        using var request = new HttpRequestMessage(HttpMethod.Post, _address);
        request.Content = new ReadOnlyMemoryContent(item);
        request.Content.Headers.ContentType = Json;
        request.Headers.TryAddWithoutValidation("Signature", Convert.ToBase64String(signature.Value.Span));
        using var response = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
    }
}
