using System.Collections.Concurrent;
using Azure.Messaging.ServiceBus;
using ContentSync.ServiceBusBroker;

namespace ContentSync.Tests.ServiceBus;

/// <summary>The client's processors against the broker. Locks use the system clock, because the client's renewals do.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class ProcessorTests : IAsyncDisposable
{
    private static readonly TimeSpan LockDuration = TimeSpan.FromSeconds(2);

    private readonly ServiceBusNamespace _namespace = ServiceBusNamespace.Open(
        [
            new BrokerQueueOptions("plain") { LockDuration = LockDuration },
            new BrokerQueueOptions("sessions") { LockDuration = LockDuration, RequiresSession = true },
        ],
        TimeProvider.System);

    private readonly ServiceBusClient _client;
    private readonly ServiceBusClient _other;

    public ProcessorTests()
    {
        _client = new ServiceBusClient(_namespace.ConnectionString);
        _other = new ServiceBusClient(_namespace.ConnectionString);
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _other.DisposeAsync();
        await _namespace.DisposeAsync();
    }

    [Fact]
    public async Task A_processor_renews_the_lock_while_work_takes_longer_than_the_lock_duration()
    {
        await SendAsync("plain", ["1", "2"]);
        var counts = new ConcurrentQueue<int>();
        await using var processor = _client.CreateProcessor(
            "plain",
            new ServiceBusProcessorOptions
            {
                MaxConcurrentCalls = 2,
                AutoCompleteMessages = false,
                MaxAutoLockRenewalDuration = TimeSpan.FromMinutes(1),
            });
        await RunAsync(processor, async e =>
        {
            counts.Enqueue(e.Message.DeliveryCount);
            await Task.Delay(2 * LockDuration);
            await e.CompleteMessageAsync(e.Message);
        });

        await CompletedAsync("plain", 2);
        Assert.Equal([1, 1], counts);
        Assert.True((await _namespace.InspectAsync("plain")).Count("lock renewed") >= 2);
    }

    [Fact]
    public async Task A_session_processor_renews_the_lock_of_its_session_and_releases_an_idle_session()
    {
        await SendAsync("sessions", ["1"], "A");
        var counts = new ConcurrentQueue<int>();
        await using var processor = _client.CreateSessionProcessor(
            "sessions", new ServiceBusSessionProcessorOptions { AutoCompleteMessages = true, SessionIdleTimeout = TimeSpan.FromMilliseconds(300) });
        processor.ProcessErrorAsync += _ => Task.CompletedTask;
        processor.ProcessMessageAsync += async e =>
        {
            counts.Enqueue(e.Message.DeliveryCount);
            await Task.Delay(2 * LockDuration);
        };
        await processor.StartProcessingAsync();

        await CompletedAsync("sessions", 1);
        Assert.Equal([1], counts);
        await Eventually.TrueAsync(async () => (await _namespace.InspectAsync("sessions")).LockedSessions.Count == 0, "the idle session is free");
    }

    [Fact]
    public async Task Competing_processors_get_each_message_once_even_when_one_stops_and_restarts()
    {
        var seen = new ConcurrentQueue<string>();
        Task WorkAsync(ProcessMessageEventArgs e)
        {
            seen.Enqueue(e.Message.MessageId);
            return Task.Delay(5);
        }

        await using var first = _client.CreateProcessor("plain", new ServiceBusProcessorOptions { MaxConcurrentCalls = 8 });
        await using var second = _other.CreateProcessor("plain", new ServiceBusProcessorOptions { MaxConcurrentCalls = 8, PrefetchCount = 20 });
        await RunAsync(first, WorkAsync);
        await RunAsync(second, WorkAsync);
        for (var batch = 0; batch < 10; batch++)
        {
            await SendAsync("plain", [.. Enumerable.Range(20 * batch, 20).Select(i => $"{i}")]);
            if (batch % 4 != 3) continue;
            await first.StopProcessingAsync();
            await first.StartProcessingAsync();
        }

        await CompletedAsync("plain", 200);
        Assert.Equal(Enumerable.Range(0, 200), seen.Select(int.Parse).Order());
    }

    [Fact]
    public async Task Session_processors_keep_the_order_of_each_session_despite_failures_and_process_sessions_concurrently()
    {
        string[] lanes = ["A", "B", "C", "D"];
        var done = lanes.ToDictionary(lane => lane, _ => new ConcurrentQueue<int>());
        foreach (var lane in lanes) await SendAsync("sessions", [.. Enumerable.Range(0, 20).Select(i => $"{i}")], lane);
        var workers = new[] { _client, _other }.Select(client => client.CreateSessionProcessor(
            "sessions",
            new ServiceBusSessionProcessorOptions
            {
                MaxConcurrentSessions = 2,
                AutoCompleteMessages = false,
                SessionIdleTimeout = TimeSpan.FromMilliseconds(300),
            })).ToArray();
        foreach (var worker in workers)
        {
            worker.ProcessErrorAsync += _ => Task.CompletedTask;
            worker.ProcessMessageAsync += async e =>
            {
                var number = int.Parse(e.Message.MessageId, null);
                if (number % 7 == 3 && e.Message.DeliveryCount == 1) throw new InvalidOperationException("fails once");
                done[e.SessionId].Enqueue(number);
                await e.CompleteMessageAsync(e.Message);
            };
            await worker.StartProcessingAsync();
        }

        await CompletedAsync("sessions", 80);
        foreach (var worker in workers) await worker.DisposeAsync();
        Assert.All(done.Values, numbers => Assert.Equal(Enumerable.Range(0, 20), numbers));
    }

    /// <summary>
    /// A bug in client 7.21.0: a session processor releases a lost session when it catches SessionLockLost, but the client now throws
    /// <see cref="ObjectDisposedException"/> instead. The processor therefore calls the closed receiver in a loop, and that slot of its
    /// MaxConcurrentSessions accepts no other session. The Functions host uses the client version of its Service Bus extension, not the app's.
    /// When this test fails, the client is fixed.
    /// </summary>
    [Fact]
    public async Task Client_bug_a_session_processor_that_loses_a_session_during_work_accepts_no_other_session()
    {
        await SendAsync("sessions", ["1"], "A");
        var delivered = new ConcurrentQueue<string>();
        var errors = new ConcurrentQueue<Exception>();
        var lost = new TaskCompletionSource();
        await using var client = new ServiceBusClient(
            _namespace.ConnectionString,
            new ServiceBusClientOptions
            {
                RetryOptions = new ServiceBusRetryOptions { Delay = TimeSpan.FromMilliseconds(20), MaxDelay = TimeSpan.FromMilliseconds(100) },
            });
        await using var processor = client.CreateSessionProcessor(
            "sessions",
            new ServiceBusSessionProcessorOptions
            {
                MaxConcurrentSessions = 1,
                SessionIdleTimeout = TimeSpan.FromMilliseconds(300),
                MaxAutoLockRenewalDuration = TimeSpan.Zero,
            });
        processor.ProcessErrorAsync += e =>
        {
            errors.Enqueue(e.Exception);
            return Task.CompletedTask;
        };
        processor.ProcessMessageAsync += e =>
        {
            delivered.Enqueue(e.Message.MessageId);
            return e.SessionId == "A" ? lost.Task : Task.CompletedTask;
        };
        await processor.StartProcessingAsync();
        await Eventually.TrueAsync(() => delivered.Count == 1, "the processor has the message");
        await Eventually.TrueAsync(async () => (await _namespace.InspectAsync("sessions")).Count("session lock expired") == 1, "the session is lost");
        await using (var other = await _other.AcceptSessionAsync("sessions", "A"))
            await other.CompleteMessageAsync(await other.ReceiveMessageAsync());
        lost.SetResult();
        await Eventually.TrueAsync(() => errors.OfType<ObjectDisposedException>().Count() > 5, "the processor calls the closed receiver in a loop");
        await SendAsync("sessions", ["2"], "B");
        await Eventually.TrueAsync(() => errors.OfType<ObjectDisposedException>().Count() > 10, "the processor still calls the closed receiver");
        Assert.Equal(["1"], delivered);
    }

    /// <summary>
    /// When a prefetching processor stops, the client does not revoke its link credit. The broker can therefore lock messages for an idle receiver;
    /// they stay in its link until the processor restarts or is closed, or their locks expire. Without prefetching, as in host.json, this cannot
    /// happen.
    /// </summary>
    [Fact]
    public async Task A_stopped_processor_that_is_not_closed_still_prefetches_messages_without_processing_them()
    {
        var options = new ServiceBusProcessorOptions { PrefetchCount = 20, AutoCompleteMessages = false };
        await using var processor = _client.CreateProcessor("plain", options);
        await RunAsync(processor, e => e.CompleteMessageAsync(e.Message));
        await SendAsync("plain", ["first"]);
        await CompletedAsync("plain", 1);
        await processor.StopProcessingAsync();
        await SendAsync("plain", [.. Enumerable.Range(0, 30).Select(i => $"{i}")]);
        Assert.InRange((await _namespace.InspectAsync("plain")).Count(BrokerMessageState.Locked), 10, 20);
    }

    private static async Task RunAsync(ServiceBusProcessor processor, Func<ProcessMessageEventArgs, Task> work)
    {
        processor.ProcessErrorAsync += _ => Task.CompletedTask;
        processor.ProcessMessageAsync += work;
        await processor.StartProcessingAsync();
    }

    private async Task SendAsync(string queue, IReadOnlyList<string> ids, string? session = null)
    {
        await using var sender = _client.CreateSender(queue);
        await sender.SendMessagesAsync(ids.Select(id =>
        {
            var message = new ServiceBusMessage(id) { MessageId = id };
            if (session is not null) message.SessionId = session;
            return message;
        }));
    }

    private Task CompletedAsync(string queue, int count) =>
        Eventually.TrueAsync(async () => (await _namespace.InspectAsync(queue)).Count("completed") == count, $"{count} messages are completed");
}
