using System.Text;
using System.Text.Json;
using ContentSync.Synchronization.Messages;
using ContentSync.Tests.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests.Synchronization.Messages;

/// <summary>What an array on the queue leaves behind.</summary>
public sealed class ContentMessageProcessorTests : IDisposable
{
    private readonly ApiHarness _api = new();

    public void Dispose() => _api.Dispose();

    [Fact]
    public async Task Splits_off_the_item_whose_version_already_has_other_content()
    {
        string[] items = [Item("A", "one"), Item("B", "one"), Item("A", "two")];
        var left = Assert.Single(await ProcessAsync($"[{string.Join(',', items)}]"));
        Assert.Equal("m/item/2", left.MessageId);
        using var body = JsonDocument.Parse(left.Body);
        Assert.Equal("two", body.RootElement.GetProperty("contentInfo").GetProperty("name").GetString());
    }

    private async Task<IReadOnlyList<OutgoingMessage>> ProcessAsync(string array)
    {
        var message = new QueueMessage(
            "m", Encoding.UTF8.GetBytes(array), "application/json", new Dictionary<string, object>(), _api.Time.GetUtcNow());
        var settlement = await _api.Services.GetRequiredService<ContentMessageProcessor>().ProcessAsync(message, CancellationToken.None);
        return settlement is MessageSettlement.SendThenComplete sent ? sent.Messages : [];
    }

    private static string Item(string contentId, string name) =>
        $$"""{"contentId":"{{contentId}}","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"{{name}}"},"revision":1}""";
}
