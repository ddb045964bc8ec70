using System.Buffers;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ContentSync.Simulator;

/// <summary>Answers the synchronize call: checks, takes in, signs, and misbehaves where it was told to.</summary>
internal sealed partial class SynchronizeEndpoint(
    SimulatedGatewayOptions options,
    GatewayRequestReader reader,
    IReadOnlyList<RsaKeyPool> ownKeys,
    ContentStore shelf,
    GatewayCounters counters,
    TimeProvider time,
    ILogger logger) : IDisposable
{
    private const int FirstBodyBuffer = 4096;

    // A keyVersion that no rotation announces.
    private const string UnannouncedKeyVersion = "404";

    private static readonly TimeSpan HongKong = TimeSpan.FromHours(8);

    private readonly InFlightRequests _inFlight = new(counters);
    private readonly Lazy<RsaKeyPool> _stranger = new(() => new RsaKeyPool("stranger", RSA.Create(2048)));
    private long _answers;

    public async Task HandleAsync(HttpContext context, SampledFault draw, CancellationToken stopping)
    {
        counters.Request();
        var body = await ReadBodyAsync(context);
        if (draw.Kind == FaultKind.Hang)
        {
            await HangAsync(context, stopping);
            return;
        }

        var reading = reader.Read(context.Request, body.Span);
        if (reading.Caller is not null) counters.SignatureVerified();
        if (reading.Request is { } request && !shelf.Remember(request)) NoteReusedRequestId(request);

        Reply reply;
        using (var passage = reading.Request is null ? null : _inFlight.Enter(reading.Request.ContentId, context.RequestAborted))
        {
            if (draw.Latency > TimeSpan.Zero) await WaitAsync(draw.Latency, context, stopping);
            reply = Decide(reading, draw);
        }

        await WriteAsync(context, reading, reply);
    }

    public void Dispose()
    {
        if (_stranger.IsValueCreated) _stranger.Value.Dispose();
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
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        await Task.Delay(wait, time, ends.Token);
    }

    private void NoteReusedRequestId(SynchronizeRequest request)
    {
        counters.ReusedRequestId();
        LogReusedRequestId(logger, request.RequestId, request.ContentId);
    }

    private Reply Decide(GatewayReading reading, SampledFault draw)
    {
        if (draw.Kind is FaultKind.Reset) return Distort(new Reply { Reset = true }, draw);
        if (draw.Kind is FaultKind.Throttle) return Distort(new Reply { Status = StatusCodes.Status429TooManyRequests, RetryAfter = draw.Fault!.Delay }, draw);
        if (draw.Kind is FaultKind.Error) return Distort(new Reply { Status = draw.Fault!.Status }, draw);
        if (draw.Kind is FaultKind.InvalidSignature) return Distort(Failed("INVALID_SIGNATURE", "signature does not match") with { Distortion = FaultKind.Unsigned }, draw);
        if (reading.Refusal is { } refusal)
        {
            LogRefused(logger, refusal.Code, refusal.Message);
            return Failed(refusal.Code, refusal.Message);
        }

        if (draw.Kind is FaultKind.Unknown) return Distort(Failed("UNKNOWN_EXCEPTION", "unknown exception, please retry"), draw);
        if (draw.Kind is FaultKind.Risky) return Distort(Failed("CONTENT_RISKY", "content is risky"), draw);
        return reading.Request!.Traits.Risky ? Failed("CONTENT_RISKY", "content is risky") : Apply(reading.Request, draw);
    }

    private Reply Apply(SynchronizeRequest request, SampledFault draw)
    {
        try
        {
            var held = shelf.Put(request);
            counters.Effect();
            var reply = new Reply { Code = "SUCCESS", ResultStatus = "S", Message = "success", Held = held };
            return draw.Fault is null ? reply : Distort(reply with { Reset = draw.Kind is FaultKind.Lost, Distortion = draw.Kind }, draw);
        }
        catch (IOException e)
        {
            LogNotKept(logger, request.ContentId, e);
            return new Reply { Status = StatusCodes.Status500InternalServerError };
        }
    }

    private Reply Distort(Reply reply, SampledFault draw)
    {
        counters.Fault(draw.Fault!.Kind);
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

        Sign(response, body.Span, reading.Caller is null ? FaultKind.Unsigned : reply.Distortion);
        response.ContentLength = body.Length;
        if (reply.Distortion is FaultKind.Truncated)
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
            if (reply.Held is { TemplateCode: { } code })
            {
                json.WriteString("templateCode", code);
                json.WriteString("templateStatus", reply.Held.TemplateStatus);
            }

            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    private void Sign(HttpResponse response, ReadOnlySpan<byte> body, FaultKind? distortion)
    {
        var number = Interlocked.Increment(ref _answers);
        response.Headers["Client-Id"] = options.ClientId;
        response.Headers["Tracer-Id"] = string.Create(CultureInfo.InvariantCulture, $"sim{time.GetUtcNow():yyyyMMddHHmmss}{number:D10}");
        if (distortion is FaultKind.Unsigned) return;

        var now = time.GetUtcNow().ToOffset(HongKong).ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);
        var digest = GatewaySignature.Digest(options.Path, options.ClientId, now, body);
        var key = ownKeys[(int)(number % ownKeys.Count)];
        var signature = (distortion is FaultKind.Forged ? _stranger.Value : key).Sign(digest);
        response.Headers["Response-Time"] = now;
        response.Headers["Signature"] = GatewaySignature.Header(distortion is FaultKind.UnknownKeyVersion ? UnannouncedKeyVersion : key.KeyVersion, signature);
    }

    private static void Reset(HttpContext context)
    {
        // Lingering for zero seconds closes with RST, not FIN.
        if (context.Features.Get<IConnectionSocketFeature>() is { } connection) connection.Socket.LingerState = new LingerOption(true, 0);
        context.Abort();
    }

    [LoggerMessage(EventId = 9001, Level = LogLevel.Information, Message = "Simulated AlipayHK refused a request: {Code}, {Reason}")]
    private static partial void LogRefused(ILogger logger, string code, string reason);

    [LoggerMessage(EventId = 9002, Level = LogLevel.Warning, Message = "Request id {RequestId} came again with another body, content {ContentId}")]
    private static partial void LogReusedRequestId(ILogger logger, string requestId, string contentId);

    [LoggerMessage(EventId = 9003, Level = LogLevel.Error, Message = "Content {ContentId} could not be kept")]
    private static partial void LogNotKept(ILogger logger, string contentId, Exception exception);

    /// <summary>What goes back. Without a code there is no body.</summary>
    private sealed record Reply
    {
        public int Status { get; init; } = StatusCodes.Status200OK;

        public TimeSpan? RetryAfter { get; init; }

        public string? Code { get; init; }

        public string? ResultStatus { get; init; }

        public string? Message { get; init; }

        public StoredContent? Held { get; init; }

        /// <summary>How the answer is spoiled, where it is.</summary>
        public FaultKind? Distortion { get; init; }

        /// <summary>No answer at all, the connection is reset.</summary>
        public bool Reset { get; init; }
    }
}
