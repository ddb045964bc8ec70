using System.Text.Json;

namespace ContentSync.Tests.Http;

public sealed class PreviewContentHandlerTests : IDisposable
{
    private const string Preview = "/api/content/preview";

    private readonly ApiHarness _api = new();

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Shows_body_headers_and_string_to_sign_and_sends_nothing()
    {
        var response = await _api.PostAsync(Preview, ApiHarness.Item("A"));
        Assert.Equal(200, response.Status);
        var preview = response.Json;
        var body = preview.GetProperty("body").GetString()!;
        Assert.Equal("A", JsonDocument.Parse(body).RootElement.GetProperty("contentId").GetString());
        Assert.EndsWith("." + body, preview.GetProperty("stringToSign").GetString(), StringComparison.Ordinal);
        Assert.Equal("accepted", preview.GetProperty("decision").GetString());
        Assert.Contains("not signed", preview.GetProperty("headers").GetProperty("Signature").GetString(), StringComparison.Ordinal);
        Assert.False(preview.TryGetProperty("current", out _));
        Assert.Empty(_api.AlipayHk.Sent);
        Assert.Null(await _api.Ledger.FindAsync("A", CancellationToken.None));
    }

    [Fact]
    public async Task Shows_what_the_ledger_would_decide()
    {
        await _api.PostAsync("/api/content", ApiHarness.Item("A", more: ",\"revision\":7"));
        Assert.Equal("unchanged", await DecisionAsync(ApiHarness.Item("A", more: ",\"revision\":8")));
        Assert.Equal("superseded", await DecisionAsync(ApiHarness.Item("A", "other", more: ",\"revision\":6")));
        Assert.Equal("revisionConflict", await DecisionAsync(ApiHarness.Item("A", "other", more: ",\"revision\":7")));
        Assert.Equal("accepted", await DecisionAsync(ApiHarness.Item("A", "other", more: ",\"revision\":9")));
        Assert.Equal("7", (await _api.Ledger.FindAsync("A", CancellationToken.None))!.Version.ToString());
    }

    [Fact]
    public async Task Reports_every_violation()
    {
        var response = await _api.PostAsync(Preview, """{"contentId":"","contentStatus":3}""");
        Assert.Equal(400, response.Status);
        Assert.Equal(4, response.Json.GetProperty("errors").GetArrayLength());
    }

    private async Task<string> DecisionAsync(string body) => (await _api.PostAsync(Preview, body)).Json.GetProperty("decision").GetString()!;
}
