using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ContentSync.Http;
using ContentSync.Http.Board;
using ContentSync.Ledger;

namespace ContentSync.Local.CommandLine;

/// <summary>A running host, read through its API.</summary>
internal sealed class HostView : ILedgerView, ILedgerImport
{
    private readonly HttpClient _client;

    public HostView(Uri host, string? apiKey)
    {
        // A redirect could carry the key to an address that the user did not name.
        _client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = host, Timeout = TimeSpan.FromSeconds(100) };
        if (!string.IsNullOrEmpty(apiKey)) _client.DefaultRequestHeaders.Add("x-functions-key", apiKey);
    }

    public async Task<BoardState> StatusAsync(CancellationToken cancellationToken) =>
        (await CallAsync(HttpMethod.Get, "/api/board/state", null, ApiJson.Responses.BoardState, cancellationToken).ConfigureAwait(false))!;

    public async Task<LedgerSize?> SizeAsync(CancellationToken cancellationToken)
    {
        var (status, text, _) = await SendAsync(HttpMethod.Get, "/api/ledger", null, cancellationToken).ConfigureAwait(false);
        return status == HttpStatusCode.NotFound ? null : Read(status, text, ApiJson.Responses.LedgerSize);
    }

    public Task<string> BudgetNoteAsync(CancellationToken cancellationToken) =>
        Task.FromResult("The host has no send budget: it sends as fast as AlipayHK responds.");

    public async IAsyncEnumerable<ContentState> ListAsync(ListQuery query, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? continuation = null;
        do
        {
            var values = new (string Name, string? Value)[]
            {
                ("limit", ListContentHandler.MaxLimit.ToString(CultureInfo.InvariantCulture)),
                ("state", query.State is { } state ? EnumText.Of(state) : null),
                ("type", query.ContentType),
                ("code", query.ResultCode),
                ("stale", query.IsStale ? "true" : null),
                ("reason", query.Reason is { } reason ? EnumText.Of(reason) : null),
                ("prefix", query.Prefix),
                ("from", query.From?.ToString("O", CultureInfo.InvariantCulture)),
                ("to", query.To?.ToString("O", CultureInfo.InvariantCulture)),
                ("continuation", continuation),
            };
            var parameters = values.Where(pair => pair.Value is not null).Select(pair => $"{pair.Name}={Uri.EscapeDataString(pair.Value!)}");
            var path = $"/api/content?{string.Join('&', parameters)}";
            var page = (await CallAsync(HttpMethod.Get, path, null, ApiJson.Responses.ContentPage, cancellationToken).ConfigureAwait(false))!;
            foreach (var item in page.Items) yield return item;
            continuation = page.Continuation;
        }
        while (continuation is not null);
    }

    public Task<ContentState?> FindAsync(string contentId, CancellationToken cancellationToken) =>
        CallAsync(HttpMethod.Get, ItemAddress.Of(contentId), null, ApiJson.Responses.ContentState, cancellationToken, isOne: true);

    public Task<ContentState?> ReplayAsync(string contentId, CancellationToken cancellationToken) =>
        CallAsync(HttpMethod.Post, ItemAddress.ReplayOf(contentId), null, ApiJson.Responses.ContentState, cancellationToken, isOne: true);

    public async Task<ReplayResponse> ReplayAsync(ReplayRequest request, CancellationToken cancellationToken)
    {
        using var body = JsonContent.Create(request, ApiJson.Responses.ReplayRequest);
        var response = await CallAsync(HttpMethod.Post, "/api/content/replay", body, ApiJson.Responses.ReplayResponse, cancellationToken)
            .ConfigureAwait(false);
        return response!;
    }

    /// <summary>Starts a run, or returns the run of the same source that is already under way.</summary>
    public async Task<StartResyncResult> StartResyncAsync(ResyncRequest request, CancellationToken cancellationToken)
    {
        using var body = JsonContent.Create(request, ApiJson.Responses.ResyncRequest);
        var (status, text, location) = await SendAsync(HttpMethod.Post, "/api/resyncs", body, cancellationToken).ConfigureAwait(false);
        if (status != HttpStatusCode.Conflict) return new(Read(status, text, ApiJson.Responses.ResyncState)!, IsNew: true);
        var path = location is { IsAbsoluteUri: false } ? location.OriginalString : location?.AbsolutePath;
        return path?.StartsWith(StartResyncHandler.StatusPath, StringComparison.Ordinal) == true
            && await CallAsync(HttpMethod.Get, path, null, ApiJson.Responses.ResyncState, cancellationToken, isOne: true)
                .ConfigureAwait(false) is { } run
            ? new(run, IsNew: false)
            : throw new CommandException(Detail(text) ?? "A run of this source is under way.") { ExitCode = ExitCodes.Stopped };
    }

    /// <summary>Null when the host no longer keeps the run.</summary>
    public Task<ResyncState?> FindResyncAsync(string runId, CancellationToken cancellationToken) =>
        CallAsync(HttpMethod.Get, RunPath(runId), null, ApiJson.Responses.ResyncState, cancellationToken, isOne: true);

    public async Task<IReadOnlyList<ResyncState>> ListResyncsAsync(CancellationToken cancellationToken) =>
        (await CallAsync(HttpMethod.Get, "/api/resyncs", null, ApiJson.Responses.ResyncList, cancellationToken).ConfigureAwait(false))!.Items;

    /// <summary>Null when the host no longer keeps the run.</summary>
    /// <exception cref="CommandException">The run has already ended.</exception>
    public Task<ResyncState?> CancelResyncAsync(string runId, CancellationToken cancellationToken) =>
        CallAsync(HttpMethod.Post, RunPath(runId) + "/cancel", null, ApiJson.Responses.ResyncState, cancellationToken, isOne: true);

    public Task<SendingState> PauseAsync(PauseRequest request, CancellationToken cancellationToken) =>
        ChangeSendingAsync("pause", JsonContent.Create(request, ApiJson.Responses.PauseRequest), cancellationToken);

    public Task<SendingState> ResumeAsync(ResumeRequest request, CancellationToken cancellationToken) =>
        ChangeSendingAsync("resume", JsonContent.Create(request, ApiJson.Responses.ResumeRequest), cancellationToken);

    public Task<SendingState> SetRateAsync(SendRateRequest request, CancellationToken cancellationToken) =>
        ChangeSendingAsync("rate", JsonContent.Create(request, ApiJson.Responses.SendRateRequest), cancellationToken);

    public async Task<DeadLetterList> ListDeadLettersAsync(string query, CancellationToken cancellationToken) =>
        (await CallAsync(HttpMethod.Get, $"/api/dead-letters?{query}", null, ApiJson.Responses.DeadLetterList, cancellationToken)
            .ConfigureAwait(false))!;

    public async Task<DeadLetterState> GetDeadLetterAsync(string queue, long number, CancellationToken cancellationToken) =>
        (await CallAsync(
            HttpMethod.Get,
            string.Create(CultureInfo.InvariantCulture, $"/api/dead-letters/{queue}/{number}"),
            null,
            ApiJson.Responses.DeadLetterState,
            cancellationToken).ConfigureAwait(false))!;

    /// <param name="action">resubmit or discard.</param>
    /// <param name="request">Which messages.</param>
    /// <param name="cancellationToken">Cancels the call; the host may have done part of it.</param>
    public async Task<DeadLetterResponse> SettleDeadLettersAsync(string action, DeadLetterRequest request, CancellationToken cancellationToken)
    {
        using var body = JsonContent.Create(request, ApiJson.Responses.DeadLetterRequest);
        return (await CallAsync(HttpMethod.Post, $"/api/dead-letters/{action}", body, ApiJson.Responses.DeadLetterResponse, cancellationToken)
            .ConfigureAwait(false))!;
    }

    public async Task ExportAsync(Stream output, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/ledger/export");
            using var response = await _client
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
            if (response.IsSuccessStatusCode)
            {
                await response.Content.CopyToAsync(output, cancellationToken).ConfigureAwait(false);
                return;
            }

            var text = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
            throw new CommandException(Detail(text) ?? $"{_client.BaseAddress} returned HTTP {(int)response.StatusCode}.");
        }
        catch (Exception e) when (e is HttpRequestException or HttpIOException)
        {
            throw new CommandException($"{_client.BaseAddress} cannot be reached, or the export was cut off: {e.Message}", e);
        }
    }

    public ValueTask<ImportCounts> ImportAsync(IReadOnlyList<SyncRecord> records, CancellationToken cancellationToken) =>
        PostImportAsync(export => export.WritePartAsync(records, cancellationToken), cancellationToken);

    public async ValueTask RaiseHorizonAsync(DateTimeOffset horizon, CancellationToken cancellationToken) => await PostImportAsync(
        export => export.WriteHorizonAsync(horizon, TimeProvider.System.GetUtcNow(), cancellationToken), cancellationToken).ConfigureAwait(false);

    private async ValueTask<ImportCounts> PostImportAsync(Func<LedgerExport, Task> write, CancellationToken cancellationToken)
    {
        using var lines = new MemoryStream();
        await write(new LedgerExport(lines)).ConfigureAwait(false);
        using var body = new ByteArrayContent(lines.GetBuffer(), 0, (int)lines.Length);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        var result = await CallAsync(HttpMethod.Post, "/api/ledger/import", body, ApiJson.Responses.ImportResult, cancellationToken)
            .ConfigureAwait(false);
        return new ImportCounts(result!.Imported, result.Kept);
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<SendingState> ChangeSendingAsync(string what, JsonContent body, CancellationToken cancellationToken)
    {
        using (body)
        {
            return (await CallAsync(HttpMethod.Post, $"/api/sending/{what}", body, ApiJson.Responses.SendingState, cancellationToken)
                .ConfigureAwait(false))!;
        }
    }

    private static string RunPath(string runId) => StartResyncHandler.StatusPath + Uri.EscapeDataString(runId);

    /// <param name="method">HTTP method.</param>
    /// <param name="path">Path and query.</param>
    /// <param name="body">Null for none.</param>
    /// <param name="type">Type of the response.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <param name="isOne">Whether the path names an item or a run.</param>
    /// <returns>The response; null for a 404 that concerns the item or the run.</returns>
    private async Task<T?> CallAsync<T>(
        HttpMethod method, string path, HttpContent? body, JsonTypeInfo<T> type, CancellationToken cancellationToken, bool isOne = false)
        where T : class
    {
        var (status, text, _) = await SendAsync(method, path, body, cancellationToken).ConfigureAwait(false);
        if (isOne && status == HttpStatusCode.NotFound && Detail(text) is not null) return null;
        return Read(status, text, type);
    }

    private T? Read<T>(HttpStatusCode status, string text, JsonTypeInfo<T> type)
        where T : class
    {
        if ((int)status is < 200 or > 299)
        {
            throw new CommandException(Detail(text) ?? $"{_client.BaseAddress} returned HTTP {(int)status}.")
            {
                IsTemporary = status is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout,
            };
        }

        try
        {
            return JsonSerializer.Deserialize(text, type);
        }
        catch (JsonException e)
        {
            throw new CommandException($"{_client.BaseAddress} does not respond as this API does: {e.Message}", e);
        }
    }

    private async Task<(HttpStatusCode Status, string Text, Uri? Location)> SendAsync(
        HttpMethod method, string path, HttpContent? body, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(method, path) { Content = body };
            using var response = await _client.SendAsync(request, cancellationToken).ConfigureAwait(false);
            var text = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
            return (response.StatusCode, text, response.Headers.Location);
        }
        catch (HttpRequestException e)
        {
            throw new CommandException($"{_client.BaseAddress} cannot be reached: {e.Message}", e) { IsTemporary = true };
        }
        catch (TaskCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CommandException($"{_client.BaseAddress} did not respond within {_client.Timeout.TotalSeconds:0} s.", e) { IsTemporary = true };
        }
    }

    private static string? Detail(string problem)
    {
        try
        {
            using var document = JsonDocument.Parse(problem);
            return document.RootElement is { ValueKind: JsonValueKind.Object } root
                && root.TryGetProperty("detail", out var detail) && detail.ValueKind == JsonValueKind.String
                ? detail.GetString()
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>A run that the host was asked to start.</summary>
/// <param name="Run">The new run, or the run of the same source that is already under way.</param>
/// <param name="IsNew">False if it was under way already.</param>
internal readonly record struct StartResyncResult(ResyncState Run, bool IsNew);
