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
        (await AskAsync(HttpMethod.Get, "/api/board/state", null, ApiJson.Answers.BoardState, cancellationToken).ConfigureAwait(false))!;

    public Task<ContentState?> FindAsync(string contentId, CancellationToken cancellationToken) =>
        AskAsync(HttpMethod.Get, SubmitContentHandler.StatusPath + Uri.EscapeDataString(contentId), null, ApiJson.Answers.ContentState, cancellationToken);

    public Task<ContentState?> ReplayAsync(string contentId, CancellationToken cancellationToken) =>
        AskAsync(HttpMethod.Post, SubmitContentHandler.StatusPath + Uri.EscapeDataString(contentId) + "/replay", null, ApiJson.Answers.ContentState, cancellationToken);

    public async Task<ReplayAnswer> ReplayAsync(ReplayRequest wish, CancellationToken cancellationToken)
    {
        using var body = JsonContent.Create(wish, ApiJson.Answers.ReplayRequest);
        return (await AskAsync(HttpMethod.Post, "/api/content/replay", body, ApiJson.Answers.ReplayAnswer, cancellationToken).ConfigureAwait(false))!;
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <returns>The answer; null for a 404 that is about the content.</returns>
    private async Task<T?> AskAsync<T>(HttpMethod method, string path, HttpContent? body, JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            using var request = new HttpRequestMessage(method, path) { Content = body };
            using var response = await _client.SendAsync(request, cancellationToken).ConfigureAwait(false);
            var text = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
            if (response.IsSuccessStatusCode) return JsonSerializer.Deserialize(text, type);
            if (response.StatusCode == HttpStatusCode.NotFound && path.StartsWith(SubmitContentHandler.StatusPath, StringComparison.Ordinal)) return null;
            throw new CommandException(Detail(text) ?? $"{_client.BaseAddress} answered {(int)response.StatusCode}.");
        }
        catch (JsonException e)
        {
            throw new CommandException($"{_client.BaseAddress} does not answer as this API does: {e.Message}", e);
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
            return document.RootElement.TryGetProperty("detail", out var detail) ? detail.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
