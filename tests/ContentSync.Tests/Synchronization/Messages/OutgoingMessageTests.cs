using System.Text;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Tests.Synchronization.Messages;

public sealed class OutgoingMessageTests
{
    private static readonly DateTimeOffset Received = new(2026, 3, 1, 12, 0, 0, TimeSpan.FromHours(8));

    [Fact]
    public void The_id_of_a_reference_consists_of_contentId_request_id_and_hop() =>
        Assert.Equal($"TEA-1/{new string('a', 32)}/3", Reference("TEA-1", 3).MessageId);

    [Fact]
    public void A_contentId_of_maximum_length_still_yields_unique_ids_that_the_broker_accepts()
    {
        var ids = Enumerable.Range(0, 3).Select(hop => Reference(new string('奶', 102), hop).MessageId).ToArray();
        Assert.All(ids, id => Assert.InRange(id.Length, 1, MessageContract.MaxMessageIdLength));
        Assert.Equal(3, ids.Distinct().Count());
        Assert.Equal(ids[0], Reference(new string('奶', 102), 0).MessageId);
    }

    [Fact]
    public void Copies_of_copies_increment_the_hop_and_keep_the_id_and_time_of_the_original()
    {
        var properties = new Dictionary<string, object> { ["schemaVersion"] = 1 };
        var message = new QueueMessage("original", "{}"u8.ToArray(), "application/json", properties, Received);
        var ids = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            var copy = OutgoingMessage.Copy(message, TimeSpan.FromMinutes(1));
            ids.Add(copy.MessageId);
            Assert.Equal(1, copy.Properties["schemaVersion"]);
            message = new QueueMessage(copy.MessageId, copy.Body, copy.ContentType, copy.Properties, Received.AddMinutes(i + 1));
        }

        Assert.Equal(["original/copy/1", "original/copy/2", "original/copy/3"], ids);
        Assert.Equal(Received, message.ReceivedAt());
    }

    [Fact]
    public void A_message_without_an_id_is_identified_by_its_body()
    {
        var one = OutgoingMessage.Copy(new QueueMessage("", "{}"u8.ToArray(), null, new Dictionary<string, object>(), Received), TimeSpan.Zero);
        var other = OutgoingMessage.Copy(new QueueMessage("", "[]"u8.ToArray(), null, new Dictionary<string, object>(), Received), TimeSpan.Zero);
        Assert.NotEqual(one.MessageId, other.MessageId);
    }

    [Theory]
    [InlineData("tomorrow")]
    [InlineData("2099-01-01T00:00:00.0000000+00:00")]
    public void An_impossible_time_of_receipt_is_ignored(string receivedAt)
    {
        var properties = new Dictionary<string, object> { ["receivedAt"] = receivedAt, ["hop"] = "many" };
        var message = new QueueMessage("1", "{}"u8.ToArray(), null, properties, Received);
        Assert.Equal(Received, message.ReceivedAt());
        Assert.Equal(0, message.Hop());
    }

    [Fact]
    public void The_body_of_a_reference_is_compact_JSON() =>
        Assert.Equal(
            """{"contentId":"TEA-1","requestId":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","hop":3}""",
            Encoding.UTF8.GetString(Reference("TEA-1", 3).Body.Span));

    private static OutgoingMessage Reference(string contentId, int hop) =>
        OutgoingMessage.Reference(new SyncMessage(contentId, new string('a', 32), hop, TimeSpan.Zero));
}
