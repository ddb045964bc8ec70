using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Amqp;
using Amqp.Framing;
using Amqp.Listener;

namespace ContentSync.ServiceBusBroker;

/// <summary>
/// Simulates one Service Bus namespace for tests: in-memory queues over AMQP 1.0 on loopback, for Microsoft's own client, without security.
/// It tests how an app and the client behave together. It is not Azure: it lacks topics, transactions, partitions and auto-forward.
/// </summary>
public sealed class ServiceBusNamespace : IAsyncDisposable
{
    /// <summary>How often due messages and expired locks are processed.</summary>
    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(50);

    private readonly BrokerLoop _loop = new();
    private readonly BrokerFaults _faults = new();
    private readonly Dictionary<string, BrokerQueue> _queues = new(StringComparer.Ordinal);
    private readonly QueueLinks _links;
    private readonly ITimer _ticks;
    private ContainerHost? _host;
    private int _isTickPosted;

    private ServiceBusNamespace(IEnumerable<BrokerQueueOptions> queues, int port, TimeProvider time)
    {
        Port = port;
        foreach (var options in queues)
        {
            var name = DeadLetterName(options.Name);
            var forDeadLetters = options with { Name = name, RequiresSession = false, DetectsDuplicates = false, TimeToLive = null };
            var deadLetters = new BrokerQueue(forDeadLetters, null, _loop, time);
            _queues.Add(AmqpText.NameOf(name)!, deadLetters);
            _queues.Add(AmqpText.NameOf(options.Name)!, new BrokerQueue(options, deadLetters, _loop, time));
        }

        _links = new QueueLinks(_queues, _loop, _faults, time);
        _ticks = time.CreateTimer(_ => PostTick(), null, TickInterval, TickInterval);
    }

    /// <summary>The AMQP port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>For <c>ServiceBusClient</c>. The key is not checked.</summary>
    public string ConnectionString =>
        $"Endpoint=sb://127.0.0.1:{Port};SharedAccessKeyName=x;SharedAccessKey=y;UseDevelopmentEmulator=true;";

    /// <summary>While set, sends and requests fail as they do when a Service Bus namespace is out of credits (<c>ServerBusy</c>).</summary>
    public bool IsThrottling
    {
        get => _faults.IsThrottling;
        set => _faults.IsThrottling = value;
    }

    /// <summary>Opens a namespace with empty queues.</summary>
    /// <param name="queues">Each gets a dead-letter queue.</param>
    /// <param name="time">The clock for locks, schedules, duplicate windows and times to live. The client uses the system clock regardless.</param>
    /// <param name="port">0 for any free port.</param>
    /// <exception cref="SocketException">The port is in use.</exception>
    public static ServiceBusNamespace Open(IEnumerable<BrokerQueueOptions> queues, TimeProvider time, int port = 0)
    {
        var opened = new ServiceBusNamespace(queues, port == 0 ? FreePort() : port, time);
        opened.ComeBack();
        return opened;
    }

    /// <summary>The address of a queue's dead-letter queue.</summary>
    public static string DeadLetterName(string queue) => $"{queue}/$DeadLetterQueue";

    /// <summary>Closes all connections and accepts no new ones. Messages and locks stay; time continues for locks, schedules and lifetimes.</summary>
    public void GoAway()
    {
        _host?.Close();
        _host = null;
    }

    /// <summary>Listens again on the same port, with the same messages.</summary>
    public void ComeBack()
    {
        if (_host is not null) return;
        var host = new ContainerHost([new Address(string.Create(CultureInfo.InvariantCulture, $"amqp://127.0.0.1:{Port}"))])
        {
            AddressResolver = (_, attach) => AmqpText.NameOf(attach.Role ? ((Source)attach.Source)?.Address : (attach.Target as Target)?.Address),
        };
        foreach (var listener in host.Listeners)
        {
            listener.HandlerFactory = _ => _links;
            listener.SASL.EnableMechanism(ClaimsBasedSasl.Name, new ClaimsBasedSasl());
            listener.SASL.EnableAnonymousMechanism = true;
            listener.SASL.EnablePlainMechanism("any", "any");
        }

        host.RegisterRequestProcessor("$cbs", new ClaimsBasedSecurity());
        foreach (var (name, queue) in _queues) host.RegisterRequestProcessor($"{name}/$management", new QueueManagement(queue, _loop, _faults));
        host.RegisterLinkProcessor(_links);
        host.Open();
        _host = host;
    }

    /// <summary>
    /// Expires all message and session locks of a queue immediately. Service Bus may do so at any time, even if the client renews its locks.
    /// </summary>
    public Task LoseLocksAsync(string queue) => _loop.AskAsync(() =>
    {
        _queues[AmqpText.NameOf(queue)!].LoseLocks();
        return true;
    });

    /// <summary>A snapshot of a queue's messages, locked sessions and history.</summary>
    /// <param name="queue">A queue's name, or its <see cref="DeadLetterName"/>.</param>
    /// <exception cref="InvalidOperationException">The broker itself has failed.</exception>
    public Task<QueueSnapshot> InspectAsync(string queue) => _loop.AskAsync(() => _loop.Faults is [var fault, ..]
        ? throw new InvalidOperationException("The broker failed.", fault)
        : _queues[AmqpText.NameOf(queue)!].Snapshot());

    public async ValueTask DisposeAsync()
    {
        await _ticks.DisposeAsync().ConfigureAwait(false);
        GoAway();
        await _loop.DisposeAsync().ConfigureAwait(false);
    }

    // When a test advances its clock by hours, the timer fires once per interval, all at the same time; one posted tick is enough for all of them.
    private void PostTick()
    {
        if (Interlocked.Exchange(ref _isTickPosted, 1) == 0) _loop.Post(Tick);
    }

    private void Tick()
    {
        Volatile.Write(ref _isTickPosted, 0);
        foreach (var queue in _queues.Values) queue.Tick();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
