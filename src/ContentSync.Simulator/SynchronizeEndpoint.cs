using System.Buffers;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ContentSync.Simulator;

/// <summary>Handles synchronize requests: checks the request, stores the item, signs the response, and injects faults.</summary>
internal sealed partial class SynchronizeEndpoint(
    SimulatedGatewayOptions options,
    GatewayRequestReader reader,
    IReadOnlyList<RsaKeyPool> ownKeys,
    ContentStore store,
    GatewayCounters counters,
    TimeProvider time,
    ILogger logger) : IDisposable
{
    private const int FirstBodyBuffer = 4096;

    // A keyVersion that no key has.
    private const string UnknownKeyVersion = "404";

    private static readonly TimeSpan HongKong = TimeSpan.FromHours(8);

    private readonly InFlightRequests _inFlight = new(counters);
    private readonly Lazy<RsaKeyPool> _unknownKey = new(() => new RsaKeyPool("unknown", RSA.Create(2048)));
    private long _responses;

    public async Task HandleAsync(HttpContext context, SampledFault sampled, CancellationToken stopping)
    {
        counters.Request();
        var body = await ReadBodyAsync(context);
        if (sampled.Kind == FaultKind.Hang)
        {
            await HangAsync(context, stopping);
            return;
        }

        var reading = reader.Read(context.Request, body.Span);
        if (reading.Caller is not null) counters.SignatureVerified();
        if (reading.Request is { } request && !store.Remember(request)) NoteReusedRequestId(request);

        Reply reply;
        using (reading.Request is null ? null : _inFlight.Enter(reading.Request.ContentId, context.RequestAborted))
        {
            if (sampled.Latency > TimeSpan.Zero) await WaitAsync(sampled.Latency, context, stopping);
            reply = Decide(reading, sampled);
        }

        await WriteAsync(context, reading, reply);
    }

    public void Dispose()
    {
        if (_unknownKey.IsValueCreated) _unknownKey.Value.Dispose();
    }

    private static async Task<ReadOnlyMemory<byte>> ReadBodyAsync(HttpContext context)
    {
        var size = (int)Math.Clamp(context.Request.ContentLength ?? 0, FirstBodyBuffer, SimulatedGateway.MaxBodyBytes);
        var body = new MemoryStream(size);
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        return body.GetBuffer().AsMemory(0, (int)body.Length);
    }

    private async Task HangAsync(HttpContext context, CancellationToken stopping)
    {
        counters.Fault(FaultKind.Hang);
        try
        {
            await WaitAsync(Timeout.InfiniteTimeSpan, context, stopping);
        }
        finally
        {
            context.Abort();
        }
    }

    private async Task WaitAsync(TimeSpan wait, HttpContext context, CancellationToken stopping)
    {
        using var aborted = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        await Task.Delay(wait, time, aborted.Token);
    }

    private void NoteReusedRequestId(SynchronizeRequest request)
    {
        counters.ReusedRequestId();
        LogReusedRequestId(logger, request.RequestId, request.ContentId);
    }

    private Reply Decide(GatewayReading reading, SampledFault sampled)
    {
        if (sampled.Kind is FaultKind.Reset) return Inject(new Reply { Reset = true }, sampled);
        if (sampled.Kind is FaultKind.Throttle)
            return Inject(new Reply { Status = StatusCodes.Status429TooManyRequests, RetryAfter = sampled.Fault!.Delay }, sampled);
        if (sampled.Kind is FaultKind.Error) return Inject(new Reply { Status = sampled.Fault!.Status }, sampled);
        if (sampled.Kind is FaultKind.InvalidSignature)
            return Inject(Failed("INVALID_SIGNATURE", "signature does not match") with { Fault = FaultKind.Unsigned }, sampled);
        if (reading.Refusal is { } refusal)
        {
            LogRefused(logger, refusal.Code, refusal.Message);
            return Failed(refusal.Code, refusal.Message);
        }

        if (reading.Request!.Traits.Blocked) return new Reply { Status = StatusCodes.Status403Forbidden };
        if (sampled.Kind is FaultKind.Unknown) return Inject(Failed("UNKNOWN_EXCEPTION", "unknown exception, please retry"), sampled);
        if (sampled.Kind is FaultKind.Risky) return Inject(Failed("CONTENT_RISKY", "content is risky"), sampled);
        return reading.Request.Traits.Risky ? Failed("CONTENT_RISKY", "content is risky") : Apply(reading.Request, sampled);
    }

    private Reply Apply(SynchronizeRequest request, SampledFault sampled)
    {
        try
        {
            var stored = store.Put(request);
            counters.Effect();
            var reply = new Reply { Code = "SUCCESS", ResultStatus = "S", Message = "success", Stored = stored };
            return sampled.Fault is null ? reply : Inject(reply with { Reset = sampled.Kind is FaultKind.Lost, Fault = sampled.Kind }, sampled);
        }
        catch (IOException e)
        {
            LogNotStored(logger, request.ContentId, e);
            return new Reply { Status = StatusCodes.Status500InternalServerError };
        }
    }

    private Reply Inject(Reply reply, SampledFault sampled)
    {
        counters.Fault(sampled.Fault!.Kind);
        return reply;
    }

    private static Reply Failed(string code, string message) => new() { Code = code, ResultStatus = "F", Message = message };

    private async Task WriteAsync(HttpContext context, GatewayReading reading, Reply reply)
    {
        if (reply.Code is not null) counters.Result(reply.Code);
        if (reply.Reset)
        {
            Reset(context);
            return;
        }

        var response = context.Response;
        response.StatusCode = reply.Status;
        if (reply.RetryAfter is { } wait) response.Headers.RetryAfter = ((long)wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        if (reply.Code is null) return;

        ReadOnlyMemory<byte> body = FormatBody(reply);
        response.ContentType = "application/json; charset=UTF-8";
        if (reading is { Encrypted: true, Caller: { } caller })
        {
            (body, var encrypt) = GatewayCipher.Encrypt(body.Span, options.Encryption!, caller);
            response.ContentType = options.Encryption!.ContentType;
            response.Headers["Encrypt"] = encrypt;
        }

        Sign(response, body.Span, reading.Caller is null ? FaultKind.Unsigned : reply.Fault);
        response.ContentLength = body.Length;
        if (reply.Fault is FaultKind.Truncated)
        {
            await response.Body.WriteAsync(body[..(body.Length / 2)], context.RequestAborted);
            await response.Body.FlushAsync(context.RequestAborted);
            context.Abort();
            return;
        }

        await response.Body.WriteAsync(body, context.RequestAborted);
    }

    private ReadOnlyMemory<byte> FormatBody(Reply reply)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = GatewayJson.Relaxed.Options.Encoder }))
        {
            json.WriteStartObject();
            json.WriteStartObject(options.ResultMember);
            json.WriteString("resultCode", reply.Code);
            json.WriteString("resultStatus", reply.ResultStatus);
            json.WriteString(options.MessageMember, reply.Message);
            json.WriteEndObject();
            if (reply.Stored is { TemplateCode: { } code })
            {
                json.WriteString("templateCode", code);
                json.WriteString("templateStatus", reply.Stored.TemplateStatus);
            }

            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    private void Sign(HttpResponse response, ReadOnlySpan<byte> body, FaultKind? fault)
    {
        var number = Interlocked.Increment(ref _responses);
        response.Headers["Client-Id"] = options.ClientId;
        response.Headers["Tracer-Id"] = string.Create(CultureInfo.InvariantCulture, $"sim{time.GetUtcNow():yyyyMMddHHmmss}{number:D10}");
        if (fault is FaultKind.Unsigned) return;

        var now = time.GetUtcNow().ToOffset(HongKong).ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);
        var digest = GatewaySignature.Digest(options.Path, options.ClientId, now, body);
        var key = ownKeys[(int)(number % ownKeys.Count)];
        var signature = (fault is FaultKind.Forged ? _unknownKey.Value : key).Sign(digest);
        response.Headers["Response-Time"] = now;
        response.Headers["Signature"] = GatewaySignature.Header(fault is FaultKind.UnknownKeyVersion ? UnknownKeyVersion : key.KeyVersion, signature);
    }

    private static void Reset(HttpContext context)
    {
        // A linger time of 0 makes the socket close with RST instead of FIN.
        if (context.Features.Get<IConnectionSocketFeature>() is { } connection) connection.Socket.LingerState = new LingerOption(true, 0);
        context.Abort();
    }

    [LoggerMessage(EventId = 9001, Level = LogLevel.Information, Message = "Simulated AlipayHK refused a request: {Code}, {Reason}")]
    private static partial void LogRefused(ILogger logger, string code, string reason);

    [LoggerMessage(
        EventId = 9002, Level = LogLevel.Warning, Message = "Request id {RequestId} was used again with another body, for item {ContentId}")]
    private static partial void LogReusedRequestId(ILogger logger, string requestId, string contentId);

    [LoggerMessage(EventId = 9003, Level = LogLevel.Error, Message = "Item {ContentId} could not be stored")]
    private static partial void LogNotStored(ILogger logger, string contentId, Exception exception);

    /// <summary>The response. Without a code there is no body.</summary>
    private sealed record Reply
    {
        public int Status { get; init; } = StatusCodes.Status200OK;

        public TimeSpan? RetryAfter { get; init; }

        public string? Code { get; init; }

        public string? ResultStatus { get; init; }

        public string? Message { get; init; }

        public StoredContent? Stored { get; init; }

        /// <summary>How the response is corrupted; null for a correct response.</summary>
        public FaultKind? Fault { get; init; }

        /// <summary>Resets the connection instead of responding.</summary>
        public bool Reset { get; init; }
    }
}
