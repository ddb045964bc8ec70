using System.Net;
using ContentSync.Http.Webhooks;
using ContentSync.Notifications;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Notifications;

public sealed class NotificationOutboxTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly Receiver _receiver;
    private readonly List<NotificationSender> _senders = [];

    public NotificationOutboxTests() => _receiver = new Receiver(_time);

    public void Dispose() => _senders.ForEach(sender => sender.Dispose());

    [Fact]
    public async Task Delivers_a_CloudEvent_that_the_webhook_verifier_accepts()
    {
        var outbox = Outbox();
        outbox.Add(Parked("a-1"));
        await outbox.DeliverDueAsync(CancellationToken.None);
        var received = Assert.Single(_receiver.All);
        Assert.Equal((WebhookVerification.Valid, "a-1", Receiver.Address), (received.Verification, received.Id, received.Address));
        Assert.Equal("application/cloudevents+json; charset=utf-8", received.ContentType);
        var cloudEvent = received.Event;
        Assert.Equal(
            ("1.0", "a-1", "/contentsync", "contentsync.items.parked", "2026-03-01T12:00:00Z"),
            (Text("specversion"), Text("id"), Text("source"), Text("type"), Text("time")));
        Assert.Equal("2 items were parked.", received.Data.GetProperty("summary").GetString());
        Assert.Equal("港式-1", received.Data.GetProperty("items")[0].GetProperty("contentIds")[0].GetString());
        Assert.True(outbox.IsDone("a-1"));
        Assert.Equal((0, 1, 0), Counts(outbox));

        string? Text(string name) => cloudEvent.GetProperty(name).GetString();
    }

    [Theory]
    [InlineData(HttpStatusCode.InternalServerError)]
    [InlineData(HttpStatusCode.Redirect)]
    [InlineData(HttpStatusCode.Unauthorized)]
    public async Task Any_other_status_is_retried_with_a_growing_back_off_and_the_same_id(HttpStatusCode status)
    {
        var outbox = Outbox();
        _receiver.Statuses.Clear();
        foreach (var next in new[] { status, status, HttpStatusCode.OK }) _receiver.Statuses.Enqueue(next);
        outbox.Add(Parked("a-1"));
        await AttemptAfterAsync(outbox, TimeSpan.Zero);
        Assert.Contains($"HTTP {(int)status}", outbox.Receivers[0].LastFault, StringComparison.Ordinal);
        Assert.False(outbox.IsDone("a-1"));

        // The jitter is at its least, half of the back-off.
        await AttemptAfterAsync(outbox, TimeSpan.FromSeconds(2.4));
        Assert.Single(_receiver.All);
        await AttemptAfterAsync(outbox, TimeSpan.FromSeconds(0.2));
        Assert.Equal(2, _receiver.All.Count);
        await AttemptAfterAsync(outbox, TimeSpan.FromSeconds(9));
        Assert.Equal(2, _receiver.All.Count);
        await AttemptAfterAsync(outbox, TimeSpan.FromSeconds(2));
        Assert.Equal(["a-1", "a-1", "a-1"], _receiver.All.Select(received => received.Id));
        Assert.True(outbox.IsDone("a-1"));
    }

    [Fact]
    public async Task A_notification_that_is_never_accepted_is_given_up_and_counted()
    {
        var outbox = Outbox();
        _receiver.IsDown = true;
        outbox.Add(Parked("a-1"));
        for (var attempt = 0; attempt < NotificationOutbox.MaxAttempts; attempt++)
        {
            Assert.False(outbox.IsDone("a-1"));
            await AttemptAfterAsync(outbox, TimeSpan.FromMinutes(31));
        }

        Assert.True(outbox.IsDone("a-1"));
        Assert.Equal((0, 0, 1), Counts(outbox));
    }

    [Fact]
    public async Task A_notification_that_is_too_old_is_given_up_before_its_last_attempt()
    {
        var outbox = Outbox();
        _receiver.IsDown = true;
        outbox.Add(Parked("a-1"));
        await AttemptAfterAsync(outbox, NotificationOutbox.MaxAge - TimeSpan.FromMinutes(1));
        Assert.False(outbox.IsDone("a-1"));
        await AttemptAfterAsync(outbox, TimeSpan.FromMinutes(1));
        Assert.True(outbox.IsDone("a-1"));
    }

    [Fact]
    public async Task A_fault_names_neither_the_address_nor_a_message_of_the_runtime()
    {
        var outbox = Outbox();
        _receiver.IsDown = true;
        outbox.Add(Parked("a-1"));
        await outbox.DeliverDueAsync(CancellationToken.None);
        var status = outbox.Receivers[0];
        Assert.Equal(("https://alerts.example", "The receiver cannot be reached (ConnectionError)."), (status.Address, status.LastFault));
    }

    [Fact]
    public async Task A_receiver_that_never_responds_ends_after_ten_seconds()
    {
        var outbox = Outbox();
        _receiver.Hangs = true;
        outbox.Add(Parked("a-1"));
        var delivering = outbox.DeliverDueAsync(CancellationToken.None);
        Assert.False(delivering.IsCompleted);
        _time.Advance(NotificationSender.RequestTimeout);
        await delivering;
        Assert.Contains("within 10 seconds", outbox.Receivers[0].LastFault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_receiver_that_is_down_delays_no_other()
    {
        var outbox = Outbox(new Uri("https://down.example"), new Uri("https://up.example"));
        _receiver.Statuses.Clear();
        foreach (var status in new[] { HttpStatusCode.BadGateway, HttpStatusCode.OK }) _receiver.Statuses.Enqueue(status);
        outbox.Add(Parked("a-1"));
        await outbox.DeliverDueAsync(CancellationToken.None);
        Assert.Equal([1, 0], outbox.Receivers.Select(receiver => receiver.Waiting));
    }

    [Fact]
    public async Task Only_so_many_wait_and_the_oldest_is_given_up_first()
    {
        var outbox = Outbox();
        for (var i = 0; i <= NotificationOutbox.MaxWaiting; i++) outbox.Add(Parked($"a-{i}"));
        Assert.Equal((NotificationOutbox.MaxWaiting, 0, 1), Counts(outbox));
        Assert.True(outbox.IsDone("a-0"));
        await outbox.DeliverDueAsync(CancellationToken.None);
        Assert.DoesNotContain(_receiver.All, received => received.Id == "a-0");
    }

    private static (int Waiting, long Delivered, long GivenUp) Counts(NotificationOutbox outbox) =>
        outbox.Receivers.Select(receiver => (receiver.Waiting, receiver.Delivered, receiver.GivenUp)).Single();

    private Notification Parked(string id) => new(
        id,
        NotificationTypes.ItemsParked,
        _time.GetUtcNow(),
        null,
        new NotificationData("2 items were parked.") { Items = [new NotificationItems("Rejected", "CONTENT_RISKY", 2, ["港式-1", "A-2"])] });

    private async Task AttemptAfterAsync(NotificationOutbox outbox, TimeSpan wait)
    {
        _time.Advance(wait);
        await outbox.DeliverDueAsync(CancellationToken.None);
    }

    private NotificationOutbox Outbox(params Uri[] addresses)
    {
        var options = Receiver.Options(addresses);
        var sender = new NotificationSender(options, new NotificationTransport(_receiver), _time);
        _senders.Add(sender);
        return new NotificationOutbox(options, sender, new FixedJitter(0), _time, NullLogger<NotificationOutbox>.Instance);
    }
}
