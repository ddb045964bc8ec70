using System.Text;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Tests.Resync;

public sealed class ResyncMessagesTests
{
    private static readonly ResyncPack Pack = new(
        "0123456789abcdef0123456789abcdef",
        3,
        12,
        [new PackItem("港式\"奶茶/1", new string('a', 32)), new PackItem("B", "", PackItemStatus.Parked)]);
    private static readonly ResyncRun Run = new()
    {
        RunId = Pack.RunId,
        Source = "https://account.blob.core.windows.net/catalog",
        Parameters = new ResyncParameters(),
        State = ResyncRunState.Sending,
        Message = "",
        RequestedAt = DateTimeOffset.UnixEpoch,
        UpdatedAt = DateTimeOffset.UnixEpoch,
    };

    [Fact]
    public void A_pack_is_as_short_as_JSON_allows()
    {
        var message = ResyncMessages.Pack(Pack, hop: 0, TimeSpan.Zero);

        Assert.Equal(
            """{"run":"0123456789abcdef0123456789abcdef","lane":3,"number":12,"""
            + "\"items\":" + """[["港式\"奶茶/1","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],["B","",3]]}""",
            Encoding.UTF8.GetString(message.Body.Span));
        Assert.Equal(
            ("0123456789abcdef0123456789abcdef/3/12", "3", "resync-pack"),
            (message.MessageId, message.SessionId!, message.Properties["schema"]));
    }

    [Fact]
    public void A_pack_is_read_as_it_was_sent_and_a_copy_has_an_id_of_its_own()
    {
        var copy = ResyncMessages.Pack(Pack, hop: 2, TimeSpan.FromMinutes(1));

        var read = Assert.IsType<ResyncMessage.Pack>(ResyncMessages.Read(Delivered(copy)));

        Assert.Equal(2, read.Hop);
        Assert.Equal((Pack.RunId, Pack.Lane, Pack.Number), (read.Content.RunId, read.Content.Lane, read.Content.Number));
        Assert.Equal(Pack.Items, read.Content.Items);
        Assert.Equal(("0123456789abcdef0123456789abcdef/3/12/2", "3"), (copy.MessageId, copy.SessionId));
    }

    [Fact]
    public void The_largest_pack_is_far_below_the_maximum_size_of_a_message()
    {
        var item = new PackItem(new string('茶', 64), new string('a', 32), PackItemStatus.Parked);
        var pack = Pack with { Items = [.. Enumerable.Repeat(item, 200)] };
        Assert.InRange(ResyncMessages.Pack(pack, 0, TimeSpan.Zero).Body.Length, 1, 64 * 1024);
    }

    [Fact]
    public void Steps_of_a_run_that_was_scheduled_twice_get_the_same_id()
    {
        var now = new DateTimeOffset(2026, 3, 1, 12, 0, 3, TimeSpan.Zero);
        var (first, second) = (Step(ResyncMessages.FirstStep(Run, now)), Step(ResyncMessages.FirstStep(Run, now.AddSeconds(40))));

        var one = ResyncMessages.NextStep(first, Run.RunId, TimeSpan.FromSeconds(60), now.AddSeconds(2));
        var other = ResyncMessages.NextStep(second, Run.RunId, TimeSpan.FromSeconds(20), now.AddSeconds(41));

        Assert.Equal(one.MessageId, other.MessageId);
        Assert.Equal((85, 46), (one.Delay.TotalSeconds, other.Delay.TotalSeconds));
        Assert.StartsWith("run-", one.SessionId, StringComparison.Ordinal);
        Assert.Equal(Delivered(one).Properties["schema"], "resync-run");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(30)]
    [InlineData(-86_400)]
    public void A_step_never_repeats_the_id_of_its_predecessor_even_if_the_clock_is_set_back(int seconds)
    {
        var now = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
        var step = Step(ResyncMessages.FirstStep(Run, now));

        var next = ResyncMessages.NextStep(step, Run.RunId, TimeSpan.Zero, now.AddSeconds(seconds));

        Assert.True(Step(next).Number > step.Number);
        Assert.InRange(next.Delay, TimeSpan.Zero, TimeSpan.FromSeconds(30));
    }

    [Theory]
    [InlineData("resync-pack", "")]
    [InlineData("resync-pack", "{}")]
    [InlineData("resync-pack", """{"run":"a","lane":0,"number":0,"items":[]}""")]
    [InlineData("resync-pack", """{"run":"a","lane":-1,"number":0,"items":[["A","b"]]}""")]
    [InlineData("resync-pack", """{"run":"a/b","lane":0,"number":0,"items":[["A","b"]]}""")]
    [InlineData("resync-pack", """{"run":"a","lane":0,"number":0,"items":[["A"]]}""")]
    [InlineData("resync-pack", """{"run":"a","lane":0,"number":0,"items":[["A","b",9]]}""")]
    [InlineData("resync-pack", """{"run":"a","lane":0,"number":0,"items":[["A","b",1,1]]}""")]
    [InlineData("resync-pack", """{"run":"a","lane":0,"number":0,"items":[["","b"]]}""")]
    [InlineData("resync-pack", """{"run":"a","lane":0,"number":0,"items":[{"contentId":"A"}]}""")]
    [InlineData("resync-pack", """{"run":null,"lane":0,"number":0,"items":[["A","b"]]}""")]
    [InlineData("resync-pack", """{"lane":0,"number":0,"items":[["A","b"]]}""")]
    [InlineData("resync-pack", """{"run":"a","number":0,"items":[["A","b"]]}""")]
    [InlineData("resync-run", """{"run":"a","number":1}""")]
    [InlineData("resync-run", """{"source":"catalog","run":null,"number":1}""")]
    [InlineData("resync-run", """{"source":"catalog","run":"a"}""")]
    [InlineData("resync-run", """{"source":"","run":"a","number":1}""")]
    public void An_invalid_message_is_reported_with_its_fault(string schema, string body)
    {
        var message = new QueueMessage("1", Encoding.UTF8.GetBytes(body), null, new Dictionary<string, object> { ["schema"] = schema }, default);
        Assert.Contains(schema, Assert.IsType<ResyncMessage.Invalid>(ResyncMessages.Read(message)).Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_messages_are_ignored() =>
        Assert.Null(ResyncMessages.Read(
            new QueueMessage("1", "[]"u8.ToArray(), null, new Dictionary<string, object> { ["schema"] = "content" }, default)));

    private static StepBody Step(OutgoingMessage message) =>
        Assert.IsType<ResyncMessage.Step>(ResyncMessages.Read(Delivered(message))).Body;

    private static QueueMessage Delivered(OutgoingMessage message) =>
        new(message.MessageId, message.Body, message.ContentType, message.Properties, DateTimeOffset.UnixEpoch);
}
