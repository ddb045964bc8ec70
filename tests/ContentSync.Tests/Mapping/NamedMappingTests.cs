using System.Security.Cryptography;
using System.Text;
using ContentSync.Http.Webhooks;
using ContentSync.Mapping;
using ContentSync.Synchronization.Messages;
using ContentSync.Tests.Http;
using ContentSync.Tests.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests.Mapping;

/// <summary>Requests, webhooks and messages in another form than ours, which name a mapping.</summary>
public sealed class NamedMappingTests : IDisposable
{
    // A shop's own product event: the variants are the items.
    private const string Product =
        """{"id":7,"title":"Tea","updated_at":"2026-03-01T11:00:00Z","variants":[{"sku":"T-1","price":"9.50"},{"sku":"T-2","price":"call us"}]}""";

    private const string Mapping = """
        {"format":"ndjson","split":"variants","contentId":"{{ sku }}","contentType":"SKU",
         "fields":{"name":{"value":"{{ product.title }}"},"price":{"source":"price","type":"money","currency":"HKD","required":true}}}
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly ApiHarness _api;

    public NamedMappingTests()
    {
        File.WriteAllText(_folder.File("shop" + MappingName.FileSuffix), Mapping);
        File.WriteAllText(_folder.File("broken" + MappingName.FileSuffix), """{"contentId":"{{ sku | nonsense }}"}""");
        File.WriteAllText(
            _folder.File("tea" + MappingName.FileSuffix),
            """{"select":["title == 'Tea'"],"contentId":"{{ id }}","contentType":"SKU","fields":{"name":{"source":"title"}}}""");
        _api = new ApiHarness(new WebhookOptions { ShopifySecrets = { "hush" } }, mappings: new FolderMappings(_folder.File("")));
    }

    public void Dispose()
    {
        _api.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_batch_in_any_form_becomes_items()
    {
        var response = await _api.PostAsync("/api/content/batch?map=tea", "id,title\n1,Tea\n2,Cake\n", "text/csv");

        Assert.Equal(202, response.Status);
        Assert.Equal("1", Assert.Single(_api.Queue.Messages).ContentId);
    }

    [Fact]
    public async Task A_record_that_cannot_be_mapped_does_not_affect_the_others()
    {
        var response = await _api.PostAsync("/api/content/batch?map=shop", Product);

        var items = response.Json.GetProperty("items");
        Assert.Equal(("accepted", "invalid"), (items[0].GetProperty("outcome").GetString(), items[1].GetProperty("outcome").GetString()));
        Assert.Contains("'call us' is not an amount", items[1].GetProperty("errors")[0].GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/content/batch?map=none", 400, "There is no mapping 'none'")]
    [InlineData("/api/content/batch?map=../secret", 400, "'../secret' is not the name of a mapping")]
    [InlineData("/api/content/batch?map=", 400, "is not the name of a mapping")]
    [InlineData("/api/content/batch?map=broken", 503, "nonsense")]
    [InlineData("/api/content?map=shop", 400, "/api/content/batch")]
    public async Task A_mapping_that_cannot_be_used_is_named(string target, int status, string says)
    {
        var response = await _api.PostAsync(target, Product);

        Assert.Equal(status, response.Status);
        Assert.Contains(says, response.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(_api.Queue.Messages);
    }

    [Theory]
    [InlineData("shop", 202, "T-1")]
    [InlineData("none", 400, null)]
    [InlineData("broken", 503, null)]
    public async Task A_shops_own_event_is_accepted_as_it_is(string map, int status, string? accepted)
    {
        var body = Product.Replace(",", ",\n  ", StringComparison.Ordinal);
        var signature = Convert.ToBase64String(HMACSHA256.HashData("hush"u8, Encoding.UTF8.GetBytes(body)));
        var response = await _api.PostAsync($"/api/webhooks/content?map={map}", body, headers: ("X-Shopify-Hmac-SHA256", signature));

        Assert.Equal(status, response.Status);
        Assert.Equal(accepted, _api.Queue.Messages.SingleOrDefault()?.ContentId);
    }

    [Fact]
    public async Task A_message_names_its_mapping_and_a_record_that_cannot_be_mapped_is_dead_lettered_with_the_reason()
    {
        var processor = _api.Services.GetRequiredService<ContentMessageProcessor>();

        var settlement = await processor.ProcessAsync(Message(Product, ("map", "shop")), CancellationToken.None);

        var split = Assert.Single(Assert.IsType<MessageSettlement.SendThenComplete>(settlement).Messages);
        Assert.NotNull(await _api.Ledger.FindAsync("T-1", CancellationToken.None));
        var again = new QueueMessage(split.MessageId, split.Body, split.ContentType, split.Properties, _api.Time.GetUtcNow());
        var deadLetter = Assert.IsType<MessageSettlement.DeadLetter>(await processor.ProcessAsync(again, CancellationToken.None));
        Assert.Contains("'call us' is not an amount", deadLetter.Description, StringComparison.Ordinal);
        Assert.Equal("T-2", deadLetter.Properties[MessageContract.ContentIdProperty]);
    }

    [Fact]
    public async Task A_message_whose_mapping_does_not_exist_is_dead_lettered_and_one_whose_mapping_is_broken_waits()
    {
        var processor = _api.Services.GetRequiredService<ContentMessageProcessor>();

        var unknown = await processor.ProcessAsync(Message(Product, ("map", "none")), CancellationToken.None);
        var broken = await processor.ProcessAsync(Message(Product, ("map", "broken")), CancellationToken.None);

        Assert.Contains("There is no mapping 'none'", Assert.IsType<MessageSettlement.DeadLetter>(unknown).Description, StringComparison.Ordinal);
        var copy = Assert.Single(Assert.IsType<MessageSettlement.SendThenComplete>(broken).Messages);
        Assert.Equal("broken", copy.Properties[MessageContract.MapProperty]);
        Assert.Equal(Product, Encoding.UTF8.GetString(copy.Body.Span));
    }

    [Fact]
    public async Task A_message_of_which_nothing_is_selected_is_complete()
    {
        var processor = _api.Services.GetRequiredService<ContentMessageProcessor>();

        var settlement = await processor.ProcessAsync(Message("""[{"id":1,"title":"Cake"}]""", ("map", "tea")), CancellationToken.None);

        Assert.IsType<MessageSettlement.Complete>(settlement);
    }

    private QueueMessage Message(string body, params (string Name, object Value)[] properties) => new(
        "message-1",
        Encoding.UTF8.GetBytes(body),
        null,
        properties.ToDictionary(property => property.Name, property => property.Value),
        _api.Time.GetUtcNow());
}
