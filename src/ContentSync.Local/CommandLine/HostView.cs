using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ContentSync.Http;
using ContentSync.Http.Board;

namespace ContentSync.Local.CommandLine;

/// <summary>A running host, asked over its API.</summary>
internal sealed class HostView : ILedgerView
{
    private readonly HttpClient _client;

    public HostView(Uri host, string? apiKey)
    {
        // A redirect would carry the key to an address that nobody named.
        _client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = host, Timeout = TimeSpan.FromSeconds(100) };
        if (!string.IsNullOrEmpty(apiKey)) _client.DefaultRequestHeaders.Add("x-functions-key", apiKey);
    }

    public async Task<BoardState> StatusAsync(CancellationToken cancellationToken) =>
        (await AskAsync(HttpMethod.Get, "/api/board/state", null, ApiJson.Responses.BoardState, cancellationToken).ConfigureAwait(false))!;

    public Task<ContentState?> FindAsync(string contentId, CancellationToken cancellationToken) =>
        AskAsync(HttpMethod.Get, SubmitContentHandler.StatusPath + Uri.EscapeDataString(contentId), null, ApiJson.Responses.ContentState, cancellationToken);

    public Task<ContentState?> ReplayAsync(string contentId, CancellationToken cancellationToken) =>
        AskAsync(HttpMethod.Post, SubmitContentHandler.StatusPath + Uri.EscapeDataString(contentId) + "/replay", null, ApiJson.Responses.ContentState, cancellationToken);

    public async Task<ReplayResponse> ReplayAsync(ReplayRequest request, CancellationToken cancellationToken)
    {
        using var body = JsonContent.Create(request, ApiJson.Responses.ReplayRequest);
        return (await AskAsync(HttpMethod.Post, "/api/content/replay", body, ApiJson.Responses.ReplayResponse, cancellationToken).ConfigureAwait(false))!;
    }

    /// <summary>Starts a run; where one of its source is under way already, that one.</summary>
    public async Task<(ResyncState Run, bool IsNew)> StartResyncAsync(ResyncRequest request, CancellationToken cancellationToken)
    {
        using var body = JsonContent.Create(request, ApiJson.Responses.ResyncRequest);
        var (status, text, location) = await SendAsync(HttpMethod.Post, "/api/resyncs", body, cancellationToken).ConfigureAwait(false);
        if (status != HttpStatusCode.Conflict) return (Read(status, text, ApiJson.Responses.ResyncState)!, true);
        var path = location is { IsAbsoluteUri: false } ? location.OriginalString : location?.AbsolutePath;
        return path?.StartsWith(StartResyncHandler.StatusPath, StringComparison.Ordinal) == true
            && await AskAsync(HttpMethod.Get, path, null, ApiJson.Responses.ResyncState, cancellationToken).ConfigureAwait(false) is { } run
            ? (run, false)
            : throw new CommandException(Detail(text) ?? "A run of this source is under way.") { ExitCode = ExitCodes.Stopped };
    }

    /// <summary>Null where the run is not remembered any more.</summary>
    public Task<ResyncState?> FindResyncAsync(string runId, CancellationToken cancellationToken) =>
        AskAsync(HttpMethod.Get, StartResyncHandler.StatusPath + Uri.EscapeDataString(runId), null, ApiJson.Responses.ResyncState, cancellationToken);

    public async Task<IReadOnlyList<ResyncState>> ListResyncsAsync(CancellationToken cancellationToken) =>
        (await AskAsync(HttpMethod.Get, "/api/resyncs", null, ApiJson.Responses.ResyncList, cancellationToken).ConfigureAwait(false))!.Items;

    /// <summary>Null where the run is not remembered any more.</summary>
    /// <exception cref="CommandException">It has ended already.</exception>
    public Task<ResyncState?> CancelResyncAsync(string runId, CancellationToken cancellationToken) =>
        AskAsync(HttpMethod.Post, StartResyncHandler.StatusPath + Uri.EscapeDataString(runId) + "/cancel", null, ApiJson.Responses.ResyncState, cancellationToken);

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <returns>The answer; null for a 404 that is about the content or the run.</returns>
    private async Task<T?> AskAsync<T>(HttpMethod method, string path, HttpContent? body, JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class
    {
        var (status, text, _) = await SendAsync(method, path, body, cancellationToken).ConfigureAwait(false);
        if (status == HttpStatusCode.NotFound && IsOfOne(path) && Detail(text) is not null) return null;
        return Read(status, text, type);
    }

    private static bool IsOfOne(string path) =>
        path.StartsWith(SubmitContentHandler.StatusPath, StringComparison.Ordinal) || path.StartsWith(StartResyncHandler.StatusPath, StringComparison.Ordinal);

    private T? Read<T>(HttpStatusCode status, string text, JsonTypeInfo<T> type)
        where T : class
    {
        if ((int)status is < 200 or > 299) throw new CommandException(Detail(text) ?? $"{_client.BaseAddress} answered {(int)status}.");
        try
        {
            return JsonSerializer.Deserialize(text, type);
        }
        catch (JsonException e)
        {
            throw new CommandException($"{_client.BaseAddress} does not answer as this API does: {e.Message}", e);
        }
    }

    private async Task<(HttpStatusCode Status, string Text, Uri? Location)> SendAsync(HttpMethod method, string path, HttpContent? body, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(method, path) { Content = body };
            using var response = await _client.SendAsync(request, cancellationToken).ConfigureAwait(false);
            return (response.StatusCode, await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false), response.Headers.Location);
        }
        catch (HttpRequestException e)
        {
            throw new CommandException($"{_client.BaseAddress} cannot be reached: {e.Message}", e);
        }
        catch (TaskCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CommandException($"{_client.BaseAddress} did not answer in time.", e);
        }
    }

    private static string? Detail(string problem)
    {
        try
        {
            using var document = JsonDocument.Parse(problem);
            return document.RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("detail", out var detail) && detail.ValueKind == JsonValueKind.String ? detail.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
