using System.Net;
using System.Net.Sockets;
using Azure.Core.Amqp;
using Azure.Messaging.ServiceBus;
using ContentSync.WorkerHost.Protocol;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.WorkerHost;

/// <summary>
/// A Functions host for one worker: starts the built app, speaks the worker protocol, invokes functions as triggers would and records how messages
/// are settled. It has no triggers of its own.
/// </summary>
internal sealed class FunctionsTestHost : IAsyncDisposable
{
    /// <summary>Max time for a worker to connect or to respond to one request.</summary>
    private static readonly TimeSpan ResponseTimeout = TimeSpan.FromSeconds(60);

    private readonly WebApplication _server;
    private readonly WorkerConversation _conversation;
    private readonly HttpClient _http = new();
    private Uri? _workerHttp;

    private FunctionsTestHost(WebApplication server, WorkerConversation conversation, WorkerProcess worker)
    {
        _server = server;
        _conversation = conversation;
        Worker = worker;
    }

    public WorkerProcess Worker { get; }

    /// <summary>The functions by name, once they are loaded.</summary>
    public IReadOnlyDictionary<string, RpcFunctionMetadata> Functions { get; private set; } = new Dictionary<string, RpcFunctionMetadata>();

    /// <summary>Settlements in order.</summary>
    public IReadOnlyCollection<SettledMessage> Settled => _conversation.Settled;

    /// <summary>Log entries that the worker sent to the host.</summary>
    public IReadOnlyCollection<RpcLog> Logged => _conversation.Logged;

    /// <summary>Starts the worker's process without waiting for it to connect.</summary>
    public static async Task<FunctionsTestHost> StartAsync(string folder, IReadOnlyDictionary<string, string> settings)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddSingleton<WorkerConversation>();
        builder.Services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = null);
        var server = builder.Build();
        server.MapGrpcService<FunctionRpcService>();
        server.MapGrpcService<SettlementService>();
        await server.StartAsync();
        var worker = WorkerProcess.Start(folder, new Uri(server.Urls.First()), settings);
        return new FunctionsTestHost(server, server.Services.GetRequiredService<WorkerConversation>(), worker);
    }

    /// <summary>Initializes the worker and loads all its functions.</summary>
    /// <exception cref="InvalidOperationException">The worker exited or reported a failure; the message says which.</exception>
    public async Task LoadAsync(string folder, CancellationToken cancellationToken)
    {
        await ConnectedAsync(cancellationToken);
        var init = await AskAsync(
            new StreamingMessage
            {
                WorkerInitRequest = new WorkerInitRequest { HostVersion = "4.0.0", WorkerDirectory = folder, FunctionAppDirectory = folder },
            },
            cancellationToken);
        RequireSuccess(init.WorkerInitResponse.Result, "worker init");
        _workerHttp = new Uri(init.WorkerInitResponse.Capabilities["HttpUri"]);
        var metadata = await AskAsync(
            new StreamingMessage { FunctionsMetadataRequest = new FunctionsMetadataRequest { FunctionAppDirectory = folder } }, cancellationToken);
        RequireSuccess(metadata.FunctionMetadataResponse.Result, "functions metadata");
        foreach (var function in metadata.FunctionMetadataResponse.FunctionMetadataResults)
        {
            var loaded = await AskAsync(
                new StreamingMessage { FunctionLoadRequest = new FunctionLoadRequest { FunctionId = function.FunctionId, Metadata = function } },
                cancellationToken);
            RequireSuccess(loaded.FunctionLoadResponse.Result, $"load of {function.Name}");
        }

        Functions = metadata.FunctionMetadataResponse.FunctionMetadataResults.ToDictionary(function => function.Name, StringComparer.Ordinal);
        await AwaitHttpAsync(_workerHttp, cancellationToken);
    }

    // The worker reports its address before it listens there.
    private static async Task AwaitHttpAsync(Uri address, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
                return;
            }
            catch (SocketException) when (attempt < 600)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), cancellationToken);
            }
        }
    }

    /// <summary>
    /// Invokes an HTTP function as the host does: sends the invocation over gRPC and the request over HTTP, linked by the invocation id.
    /// </summary>
    public async Task<HttpResponseMessage> SendAsync(string function, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var id = NewId();
        request.RequestUri = new Uri(_workerHttp!, request.RequestUri!);
        request.Headers.Add("x-ms-invocation-id", id);
        var invoked = InvokeAsync(id, function, new ParameterBinding
        {
            Name = "request",
            Data = new TypedData { Http = new RpcHttp { Method = request.Method.Method, Url = request.RequestUri.AbsoluteUri } },
        }, cancellationToken);
        var response = await _http.SendAsync(request, cancellationToken);
        RequireSuccess((await invoked).Result, function);
        return response;
    }

    /// <summary>Invokes a timer function.</summary>
    public Task<InvocationResponse> FireAsync(string function, CancellationToken cancellationToken) => InvokeAsync(
        NewId(),
        function,
        new ParameterBinding
        {
            Name = "timer",
            Data = new TypedData { Json = """{"Schedule":{"AdjustForDST":true},"ScheduleStatus":null,"IsPastDue":false}""" },
        },
        cancellationToken);

    /// <summary>Delivers a message as the Service Bus trigger does.</summary>
    public Task<InvocationResponse> DeliverAsync(string function, ServiceBusMessage message, Guid lockToken, CancellationToken cancellationToken)
    {
        var input = new ParameterBinding { Name = "message", Data = new TypedData { ModelBindingData = Delivery(message, lockToken) } };
        return InvokeAsync(NewId(), function, input, cancellationToken);
    }

    /// <summary>Delivers messages together as the batched Service Bus trigger does.</summary>
    public Task<InvocationResponse> DeliverAsync(string function, IEnumerable<ServiceBusMessage> messages, CancellationToken cancellationToken)
    {
        var data = new CollectionModelBindingData { ModelBindingData = { messages.Select(message => Delivery(message, Guid.NewGuid())) } };
        var input = new ParameterBinding { Name = "messages", Data = new TypedData { CollectionModelBindingData = data } };
        return InvokeAsync(NewId(), function, input, cancellationToken);
    }

    // The 16 bytes of the lock token, then the message in AMQP.
    private static ModelBindingData Delivery(ServiceBusMessage message, Guid lockToken)
    {
        var amqp = new AmqpAnnotatedMessage(message.GetRawAmqpMessage().Body);
        amqp.Properties.MessageId = new AmqpMessageId(message.MessageId);
        if (message.ContentType is { } contentType) amqp.Properties.ContentType = contentType;
        if (message.SessionId is { } session) amqp.Properties.GroupId = session;
        foreach (var (name, value) in message.ApplicationProperties) amqp.ApplicationProperties[name] = value;
        amqp.MessageAnnotations["x-opt-enqueued-time"] = DateTime.UtcNow;
        return new ModelBindingData
        {
            Version = "1.0",
            Source = "AzureServiceBusReceivedMessage",
            ContentType = "application/octet-stream",
            Content = ByteString.CopyFrom([.. lockToken.ToByteArray(), .. amqp.ToBytes().ToArray()]),
        };
    }

    /// <summary>Cancels all running invocations, as a draining host does.</summary>
    public async Task CancelInvocationsAsync(CancellationToken cancellationToken)
    {
        foreach (var id in _conversation.OpenInvocations)
            await _conversation.SendAsync(new StreamingMessage { InvocationCancel = new InvocationCancel { InvocationId = id } }, cancellationToken);
    }

    /// <summary>Requests the worker to exit.</summary>
    public ValueTask TerminateAsync(CancellationToken cancellationToken) =>
        _conversation.SendAsync(new StreamingMessage { WorkerTerminate = new WorkerTerminate() }, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        Worker.Dispose();
        _http.Dispose();
        await _server.DisposeAsync();
    }

    private async Task<InvocationResponse> InvokeAsync(string id, string function, ParameterBinding input, CancellationToken cancellationToken)
    {
        var request = new InvocationRequest
        {
            InvocationId = id,
            FunctionId = Functions[function].FunctionId,
            InputData = { input },
            TraceContext = new RpcTraceContext { TraceParent = $"00-{Guid.NewGuid():N}-{Guid.NewGuid().ToString("N")[..16]}-01" },
        };
        var response = await _conversation.AskAsync(id, new StreamingMessage { RequestId = id, InvocationRequest = request }, cancellationToken);
        return response.InvocationResponse;
    }

    private async Task ConnectedAsync(CancellationToken cancellationToken)
    {
        var exited = Worker.EndAsync(cancellationToken);
        if (await Task.WhenAny(_conversation.Connected, exited).WaitAsync(ResponseTimeout, cancellationToken) == exited)
            throw new InvalidOperationException($"The worker exited with code {await exited} before it connected: {Worker.Error}");
    }

    private Task<StreamingMessage> AskAsync(StreamingMessage request, CancellationToken cancellationToken)
    {
        request.RequestId = NewId();
        return _conversation.AskAsync(request.RequestId, request, cancellationToken).WaitAsync(ResponseTimeout, cancellationToken);
    }

    private static void RequireSuccess(StatusResult result, string what)
    {
        if (result.Status != StatusResult.Types.Status.Success)
            throw new InvalidOperationException($"{what}: {result.Status} {result.Exception?.Message}");
    }

    private static string NewId() => Guid.NewGuid().ToString();
}
