using System.Text;
using ContentSync.Content;
using ContentSync.Mapping;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Synchronization.Messages;

public sealed class ContentMessageReaderTests
{
    private const string Item = """{"contentId":"TEA-1","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"凍檸茶"}}""";

    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly ContentMessageReader _reader;

    public ContentMessageReaderTests()
    {
        var time = new FakeTimeProvider(Now);
        var content = new ContentReader(new ContentOptions(), time);
        var mapped = new MappedItemReader(new MappingCache(new NoMappings("a test"), time), content);
        _reader = new ContentMessageReader(content, new EventReader(content, time), mapped);
    }

    [Theory]
    [InlineData(Item)]
    [InlineData("\uFEFF" + Item)]
    [InlineData(" \r\n" + Item + "\n")]
    public void One_item_is_one_entry(string body)
    {
        var entry = Assert.Single(Items(Message(body)));
        Assert.Equal("TEA-1", entry.Result.Item!.ContentId);
    }

    [Fact]
    public void An_array_yields_an_entry_for_each_element_with_its_own_text()
    {
        var entries = Items(Message($$"""[ {{Item}} , {"contentId":"B","x":[1,{"y":"]"}]}, 7, null, {{Item}}]"""));
        Assert.Equal(
            [Item, """{"contentId":"B","x":[1,{"y":"]"}]}""", "7", "null", Item],
            entries.Select(entry => Encoding.UTF8.GetString(entry.Text.Span)));
        Assert.Equal([true, false, false, false, true], entries.Select(entry => entry.Result.Item is not null));
    }

    [Fact]
    public void An_element_that_is_nested_too_deeply_does_not_affect_the_others()
    {
        var deep = string.Concat(Enumerable.Repeat("[", 500)) + string.Concat(Enumerable.Repeat("]", 500));
        Assert.Equal([true, false, true], Items(Message($"[{Item},{deep},{Item}]")).Select(entry => entry.Result.Item is not null));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("\uFEFF", "empty")]
    [InlineData("[]", "at least one item")]
    [InlineData("[{}", "not valid JSON")]
    [InlineData("[{},]", "not valid JSON")]
    [InlineData("[{}] {}", "not valid JSON")]
    public void An_unusable_body_is_invalid_as_a_whole(string body, string says) => AssertInvalid(Message(body), says);

    [Fact]
    public void A_body_that_is_not_plain_bytes_is_invalid() =>
        AssertInvalid(Message("") with { Body = null }, "data section");

    [Theory]
    [InlineData("text")]
    [InlineData("{")]
    [InlineData("{}")]
    public void A_body_that_is_not_an_array_is_read_as_one_item(string body) =>
        Assert.NotEmpty(Assert.Single(Items(Message(body))).Result.Violations);

    [Fact]
    public void A_given_schema_or_version_must_be_known()
    {
        Assert.Single(Items(Message(Item, ("schema", "content"), ("schemaVersion", 1))));
        Assert.Single(Items(Message(Item, ("schemaVersion", "1"))));
        Assert.Single(Items(Message(Item, ("schemaVersion", 1L))));
        AssertInvalid(Message(Item, ("schemaVersion", 2)), "reads version 1");
        AssertInvalid(Message(Item, ("schemaVersion", "one")), "schemaVersion is 'one'");
        AssertInvalid(Message(Item, ("schema", "order")), "schema is 'order'");
    }

    [Fact]
    public void An_item_that_was_split_off_is_read_as_one_item_even_if_it_is_an_array() =>
        Assert.Null(Assert.Single(Items(Message($"[{Item}]", ("splitFrom", "message-1")))).Result.Item);

    [Fact]
    public void A_structured_event_has_its_item_as_the_data()
    {
        var entry = Assert.Single(Items(Message(Event(Item)) with { ContentType = "application/cloudevents+json; charset=utf-8" }));
        Assert.Equal("TEA-1", entry.Result.Item!.ContentId);
        Assert.Equal("application/cloudevents+json", entry.ContentType);
    }

    [Fact]
    public void An_event_may_carry_its_data_in_base64()
    {
        var text = """{"specversion":"1.0","id":"1","source":"/catalog","type":"changed","datacontenttype":"application/json","""
            + $$""" "data_base64":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes(Item))}}"}""";
        Assert.Equal("TEA-1", Assert.Single(Items(Message(text) with { ContentType = "application/cloudevents+json" })).Result.Item!.ContentId);
    }

    [Theory]
    [InlineData("""{"specversion":"1.0","id":"1","source":"/catalog","type":"changed","data":{},"data":{}}""", "data")]
    [InlineData("""{"specversion":"0.3","id":"1","source":"/catalog","type":"changed","data":{}}""", "0.3")]
    [InlineData("""{"specversion":"1.0","source":"/catalog","type":"changed","data":{}}""", "id")]
    [InlineData("""{"specversion":"1.0","id":"1","source":"/catalog","type":"changed","datacontenttype":"text/xml","data":"<a/>"}""", "text/xml")]
    [InlineData("""{"specversion":"1.0","id":"1","source":"/catalog","type":"changed","datacontenttype":"a b;c","data":{}}""", "CloudEvents")]
    [InlineData("""{"specversion":"1.0","id":"1","source":"/catalog","type":"changed","data_base64":"%%%"}""", "CloudEvents")]
    [InlineData("""{"specversion":"1.0","id":"1","source":"/catalog","type":"changed","n":99999999999,"data":{}}""", "CloudEvents")]
    [InlineData("[]", "CloudEvents")]
    [InlineData("{", "CloudEvents")]
    public void An_invalid_event_is_refused_and_the_fault_named(string text, string says)
    {
        var entry = Assert.Single(Items(Message(text) with { ContentType = "application/cloudevents+json" }));
        var violation = Assert.Single(entry.Result.Violations);
        Assert.Equal("invalid-event", violation.Code);
        Assert.Contains(says, violation.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_yields_an_entry_for_each_event_and_an_invalid_one_does_not_affect_the_others()
    {
        var message = Message($$"""[{{Event(Item)}},{"specversion":"1.0"},{{Event("{}")}},{{Event(Item)}}]""");
        var entries = Items(message with { ContentType = "application/cloudevents-batch+json" });
        Assert.Equal([true, false, false, true], entries.Select(entry => entry.Result.Item is not null));
        Assert.All(entries, entry => Assert.Equal("application/cloudevents+json", entry.ContentType));
        AssertInvalid(Message(Event(Item)) with { ContentType = "application/cloudevents-batch+json" }, "not a JSON array");
    }

    [Theory]
    [InlineData("cloudEvents_")]
    [InlineData("cloudEvents:")]
    public void A_binary_event_has_its_item_as_the_body(string prefix)
    {
        var message = Message(
            Item,
            (prefix + "specversion", "1.0"),
            (prefix + "id", "1"),
            (prefix + "source", "/catalog"),
            (prefix + "type", "changed"),
            (prefix + "time", DateTime.UnixEpoch),
            ("other", 1));
        Assert.Equal("TEA-1", Assert.Single(Items(message with { ContentType = "application/json" })).Result.Item!.ContentId);
    }

    [Theory]
    [InlineData("cloudEvents_id", null, "id")]
    [InlineData("cloudEvents_specversion", "2.0", "2.0")]
    [InlineData("cloudEvents_time", "yesterday", "CloudEvents")]
    public void A_binary_event_with_a_missing_or_wrong_attribute_is_refused(string attribute, string? value, string says)
    {
        var properties = new Dictionary<string, object>
        {
            ["cloudEvents_specversion"] = "1.0",
            ["cloudEvents_id"] = "1",
            ["cloudEvents_source"] = "/catalog",
            ["cloudEvents_type"] = "changed",
        };
        if (value is null) properties.Remove(attribute);
        else properties[attribute] = value;
        var entry = Assert.Single(Items(Message(Item) with { Properties = properties }));
        Assert.Contains(says, Assert.Single(entry.Result.Violations).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reference_names_an_item_in_the_ledger()
    {
        var message = new ContentSync.Synchronization.SyncMessage("TEA-1", new string('a', 32), 4, TimeSpan.FromMinutes(2));
        var sent = OutgoingMessage.Reference(message);
        var received = new QueueMessage(sent.MessageId, sent.Body, sent.ContentType, sent.Properties, Now);
        var read = Assert.IsType<ContentMessage.ItemReference>(_reader.Read(received));
        Assert.Equal(("TEA-1", new string('a', 32), 4), (read.Message.ContentId, read.Message.RequestId, read.Message.Hop));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("""{"contentId":null,"requestId":"a","hop":0}""")]
    [InlineData("""{"contentId":"","requestId":"a","hop":0}""")]
    [InlineData("""{"contentId":"A","requestId":"a","hop":-1}""")]
    public void A_reference_without_an_item_is_invalid(string body) =>
        AssertInvalid(Message(body, ("schema", "content-reference")), "must be a JSON object with contentId");

    private static string Event(string data) =>
        $$"""{"specversion":"1.0","id":"1","source":"/catalog","type":"changed","time":"2026-03-01T12:00:00Z","data":{{data}}}""";

    private static QueueMessage Message(string body, params (string Name, object Value)[] properties) =>
        new("message-1", Encoding.UTF8.GetBytes(body), null, properties.ToDictionary(property => property.Name, property => property.Value), Now);

    private IReadOnlyList<MessageItem> Items(QueueMessage message) => Assert.IsType<ContentMessage.Items>(_reader.Read(message)).Entries;

    private void AssertInvalid(QueueMessage message, string says) =>
        Assert.Contains(says, Assert.IsType<ContentMessage.Invalid>(_reader.Read(message)).Fault, StringComparison.Ordinal);
}
