using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Amqp;
using Amqp.Framing;
using Amqp.Listener;

namespace ContentSync.ServiceBusBroker;

/// <summary>
/// Stands in for one Service Bus namespace in tests: queues over AMQP 1.0 on loopback, in memory, for Microsoft's own client. Without security.
/// It shows how an app and the client behave together. It is not Azure: topics, transactions, partitions and auto-forward are not there.
/// </summary>
public sealed class ServiceBusNamespace : IAsyncDisposable
{
    /// <summary>How often time is looked at.</summary>
    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(50);

    private readonly BrokerLoop _loop = new();
    private readonly BrokerFaults _faults = new();
    private readonly Dictionary<string, BrokerQueue> _queues = new(StringComparer.Ordinal);
    private readonly QueueLinks _links;
    private readonly ITimer _ticks;
    private ContainerHost? _host;
    private int _isTickDue;

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
        _ticks = time.CreateTimer(_ => TickSoon(), null, TickInterval, TickInterval);
    }

    /// <summary>The AMQP port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>For <c>ServiceBusClient</c>. Its key is of no account.</summary>
    public string ConnectionString =>
        $"Endpoint=sb://127.0.0.1:{Port};SharedAccessKeyName=x;SharedAccessKey=y;UseDevelopmentEmulator=true;";

    /// <summary>While set, sends and requests are refused as Service Bus does when a namespace is out of credits (<c>ServerBusy</c>).</summary>
    public bool IsThrottling
    {
        get => _faults.IsThrottling;
        set => _faults.IsThrottling = value;
    }

    /// <summary>Opens a namespace with queues that are empty.</summary>
    /// <param name="queues">Each gets a dead-letter queue.</param>
    /// <param name="time">Rules locks, schedules, duplicate windows and times to live. The client reckons with the machine's clock all the
    /// same.</param>
    /// <param name="port">0 for any that is free.</param>
    /// <exception cref="SocketException">The port cannot be had.</exception>
    public static ServiceBusNamespace Open(IEnumerable<BrokerQueueOptions> queues, TimeProvider time, int port = 0)
    {
        var opened = new ServiceBusNamespace(queues, port == 0 ? FreePort() : port, time);
        opened.ComeBack();
        return opened;
    }

    /// <summary>The address of a queue's dead-letter queue.</summary>
    public static string DeadLetterName(string queue) => $"{queue}/$DeadLetterQueue";

    /// <summary>Cuts all connections and takes no new ones. Messages and locks stay; locks, schedules and lifetimes run on.</summary>
    public void GoAway()
    {
        _host?.Close();
        _host = null;
    }

    /// <summary>Listens again, on the same port and with what it held.</summary>
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
    /// Takes every lock of a queue away, of messages or of sessions, as if each had run out this moment. Service Bus may do so at any time,
    /// whatever a client renews.
    /// </summary>
    /// <param name="queue">A queue's name.</param>
    public Task LoseLocksAsync(string queue) => _loop.AskAsync(() =>
    {
        _queues[AmqpText.NameOf(queue)!].LoseLocks();
        return true;
    });

    /// <summary>What a queue holds and what happened in it.</summary>
    /// <param name="queue">A queue's name, or <see cref="DeadLetterName"/> of it.</param>
    /// <exception cref="InvalidOperationException">The broker itself failed meanwhile.</exception>
    public Task<QueueSnapshot> InspectAsync(string queue) => _loop.AskAsync(() => _loop.Faults is [var fault, ..]
        ? throw new InvalidOperationException("The broker failed.", fault)
        : _queues[AmqpText.NameOf(queue)!].Snapshot());

    public async ValueTask DisposeAsync()
    {
        await _ticks.DisposeAsync().ConfigureAwait(false);
        GoAway();
        await _loop.DisposeAsync().ConfigureAwait(false);
    }

    // A test's clock that is advanced by hours ticks for every interval at once; one look at the time is enough for all of them.
    private void TickSoon()
    {
        if (Interlocked.Exchange(ref _isTickDue, 1) == 0) _loop.Post(Tick);
    }

    private void Tick()
    {
        Volatile.Write(ref _isTickDue, 0);
        foreach (var queue in _queues.Values) queue.Tick();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
