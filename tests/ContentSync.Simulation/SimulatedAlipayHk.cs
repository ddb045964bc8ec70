using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ContentSync.Synchronization;

namespace ContentSync.Simulation;

/// <summary>
/// AlipayHK: checks requests, keeps items by contentId, signs its responses, and injects faults. It has its own code for strings to sign.
/// </summary>
internal sealed class SimulatedAlipayHk(World world)
{
    private const string Path = "/api/open/alipay/v1/content/synchronize";

    private static readonly TimeSpan ClockResolution = TimeSpan.FromMinutes(5);

    /// <summary>AlipayHK's longest time for a request that it answers late or not at all: just within the promised window.</summary>
    private static readonly TimeSpan MaxProcessing = new RecoverabilityOptions().LateEffectWindow - TimeSpan.FromMilliseconds(100);

    /// <summary>A request waits for its signature and for its turn for less than its timeout.</summary>
    private static readonly TimeSpan MaxRequestAge = TimeSpan.FromSeconds(16);

    private readonly Quota _quota = new(world, "AlipayHK calls", world.Plan.MaxSendsPerSecond, TimeSpan.Zero);
    private readonly SharedSendingChecker _sharing = new(world);

    /// <summary>Calls that reached the network, including those during outages.</summary>
    public long Calls { get; private set; }

    /// <summary>Times of the calls, for scenarios that measure their rate.</summary>
    public List<(TimeSpan At, string ContentId)>? Log { get; set; }

    /// <summary>Calls whose connection is open or that are still being processed.</summary>
    public int InFlight { get; set; }

    /// <summary>A process starts, whose rate limiter does not know what the one before it sent.</summary>
    public void ProcessStarted() => _quota.AddBurst();

    public void Receive(AlipayHkCall call)
    {
        Calls++;
        InFlight++;
        if (world.Plan.HasSharedBudget) _sharing.Sent(call);
        else _quota.Use();
        Log?.Add((world.Time.Elapsed, call.ContentId));
        world.Invariants.Sent(call);
        CheckTime(call);
        world.Trace.Write(call.Process.Name, $"sends {call.ContentId} {call.RequestId[..6]}");
        world.Time.After(world.ShortDelay(), () => Arrive(call));
    }

    /// <summary>The code with which the real gateway would refuse the request; null when it is valid.</summary>
    private string? Refusal(AlipayHkCall call)
    {
        var request = call.Request;
        if (request.Method != HttpMethod.Post || request.RequestUri?.PathAndQuery != Path) return "INVALID_API";
        if (Header(request, "Client-Id") != SimulatedProcess.ClientId) return "INVALID_CLIENT";
        if (request.Content!.Headers.NonValidated["Content-Type"].ToString() != "application/json; charset=UTF-8") return "MEDIA_TYPE_NOT_ACCEPTABLE";
        var time = Header(request, "Request-Time");
        var signature = Header(request, "Signature");
        if (time is null || signature?.Split("signature=") is not ["algorithm=RSA256,keyVersion=1,", var value]) return "INVALID_SIGNATURE";
        var hash = Hash(time, call.Body);
        return world.Keys.IsOwn(hash, Convert.FromBase64String(Uri.UnescapeDataString(value))) ? null : "INVALID_SIGNATURE";
    }

    // A request is signed anew for each attempt, and leaves soon after.
    private void CheckTime(AlipayHkCall call)
    {
        if (call.Process.Machine.IsClockUnsettled) return;
        var age = world.Time.Now + call.Process.Machine.ClockOffset - TimeOf(call.Request);
        if (age < TimeSpan.FromSeconds(-1) || age > MaxRequestAge)
            world.Invariants.Report(Invariant.RequestIsFresh, $"the time of request {call.RequestId} for {call.ContentId} is {age} old");
    }

    private static DateTimeOffset TimeOf(HttpRequestMessage request) =>
        DateTimeOffset.TryParse(Header(request, "Request-Time"), CultureInfo.InvariantCulture, out var time) ? time : DateTimeOffset.MinValue;

    private bool RefuseTime(AlipayHkCall call)
    {
        if (world.Plan.MaxClockSkew is not { } skew || (world.Time.Now - TimeOf(call.Request)).Duration() <= skew) return false;
        world.Faults.Add(Fault.AlipayHkStaleRequest);
        Respond(call, NextLatency(), 400, Result("INVALID_SIGNATURE", "F"), isSigned: false);
        return true;
    }

    private void Arrive(AlipayHkCall call)
    {
        if (world.InjectOutage(Fault.AlipayHkOutage))
        {
            if (call.Connection % 2 == 0) Reset(call, TimeSpan.FromMilliseconds(20), "Connection refused.");
            return;
        }

        if (Refusal(call) is { } refusal)
        {
            world.Invariants.Report(Invariant.RequestIsFixed, $"AlipayHK refuses {call.ContentId} with {refusal}");
            return;
        }

        if (RefuseTime(call)) return;
        if (world.InjectOutage(Fault.AlipayHkConfigurationFault))
        {
            Respond(call, NextLatency(), 400, Result("INVALID_SIGNATURE", "F"), isSigned: false);
            return;
        }

        if (world.InjectOutage(Fault.AlipayHkClockFault))
        {
            RespondOutdated(call);
            return;
        }

        if (RespondInFrontOf(call)) return;
        world.Invariants.Arrived(call);
        if (!RespondWithFault(call)) RespondByKind(call);
    }

    // The request does not reach the part of AlipayHK that processes items.
    private bool RespondInFrontOf(AlipayHkCall call)
    {
        if (call.Kind == ItemKind.Blocked) Respond(call, NextLatency(), 403, "<html>blocked</html>", isSigned: false);
        else if (call.Kind == ItemKind.Unauthorized) Respond(call, NextLatency(), 400, Result("INVALID_SIGNATURE", "F"), isSigned: false);
        else return false;
        return true;
    }

    private void RespondByKind(AlipayHkCall call)
    {
        switch (call.Kind)
        {
            case ItemKind.Tarpit:
                break;
            case ItemKind.Resetting:
                Reset(call, NextLatency(), "Connection reset.");
                break;
            case ItemKind.Outdated:
                RespondOutdated(call);
                break;
            case ItemKind.Poison:
                Respond(call, NextLatency(), 200, Result("UNKNOWN_EXCEPTION", "F"));
                break;
            case ItemKind.Risky:
                Respond(call, NextLatency(), 200, Result("CONTENT_RISKY", "F"));
                break;
            default:
                var latency = NextLatency();
                Effect(call, latency * 0.5);
                world.Time.After(latency, () => call.IsAccepted = true);
                Respond(call, latency, 200, Result("SUCCESS", "S"));
                break;
        }
    }

    private bool RespondWithFault(AlipayHkCall call)
    {
        var hasEffect = call.Kind is ItemKind.Normal;
        if (world.Inject(Fault.AlipayHkThrottle)) RespondThrottled(call);
        else if (world.Inject(Fault.AlipayHkServerError)) RespondWithServerError(call);
        else if (world.Inject(Fault.AlipayHkUnknownException)) Respond(call, NextLatency(), 200, Result("UNKNOWN_EXCEPTION", "F"));
        else if (world.Inject(Fault.AlipayHkTimeoutBeforeEffect)) return true;
        else if (hasEffect && world.Inject(Fault.AlipayHkTimeoutAfterEffect)) Effect(call, NextLatency());
        else if (hasEffect && world.Inject(Fault.AlipayHkLateEffect)) DelayEffect(call);
        else if (world.Inject(Fault.AlipayHkReset)) Reset(call, NextLatency(), "Connection reset.");
        else if (hasEffect && world.Inject(Fault.AlipayHkResetAfterEffect)) ResetAfterEffect(call);
        else if (hasEffect && world.Inject(Fault.AlipayHkTruncated)) RespondTruncated(call);
        else if (world.Inject(Fault.AlipayHkForged)) Respond(call, NextLatency(), 200, Result("SUCCESS", "S"), isForged: true);
        else if (world.Inject(Fault.AlipayHkUnsigned)) Respond(call, NextLatency(), 200, Result("SUCCESS", "S"), isSigned: false);
        else if (world.Inject(Fault.AlipayHkUnsignedRejection)) RespondWithUnsignedRejection(call);
        else return false;
        return true;
    }

    private void RespondWithServerError(AlipayHkCall call) =>
        Respond(call, NextLatency(), world.Random.Pick(500, 502, 503), "<html>broken</html>", isSigned: false);

    private void RespondWithUnsignedRejection(AlipayHkCall call) =>
        Respond(call, NextLatency(), 200, Result(world.Random.Pick("CONTENT_RISKY", "PARAM_ILLEGAL"), "F"), isSigned: false);

    private void RespondThrottled(AlipayHkCall call)
    {
        var seconds = world.Random.Pick(1, 5, 60, 600);
        Respond(call, NextLatency(), 429, "", isSigned: false, retryAfter: seconds.ToString(CultureInfo.InvariantCulture));
    }

    // The client does not wait for the effect: its own timeout expires first, or that of a gateway in between. Sometimes the effect comes
    // as late as the window allows.
    private void DelayEffect(AlipayHkCall call)
    {
        var late = world.Random.Chance(0.5)
            ? world.Random.Between(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(9))
            : world.Random.Between(TimeSpan.FromSeconds(9), MaxProcessing);
        switch (world.Random.Next(3))
        {
            case 0:
                Effect(call, late);
                Reset(call, NextLatency(), "Connection reset.");
                break;
            case 1:
                Effect(call, late);
                Respond(call, NextLatency(), 504, "<html>gateway timeout</html>", isSigned: false);
                break;
            default:
                Effect(call, late < MaxProcessing - TimeSpan.FromSeconds(14) ? TimeSpan.FromSeconds(14) + late : late);
                break;
        }
    }

    private void RespondOutdated(AlipayHkCall call)
    {
        var latency = NextLatency();
        if (call.Kind == ItemKind.Normal) Effect(call, latency * 0.5);
        Respond(call, latency, 200, Result("SUCCESS", "S"), behind: TimeSpan.FromHours(1));
    }

    private void ResetAfterEffect(AlipayHkCall call)
    {
        var latency = NextLatency();
        Effect(call, latency * 0.5);
        Reset(call, latency, "Connection reset.");
    }

    private void RespondTruncated(AlipayHkCall call)
    {
        var latency = NextLatency();
        Effect(call, latency * 0.5);
        Respond(call, latency, 200, Result("SUCCESS", "S"), isTruncated: true);
    }

    private void Effect(AlipayHkCall call, TimeSpan after)
    {
        call.PendingEffects++;
        world.Time.After(after, () =>
        {
            world.Trace.Write("alipayhk", $"stores {call.ContentId} {call.RequestId[..6]}");
            world.Invariants.TookEffect(call);
            call.PendingEffects--;
            call.FinishIfDone();
        });
    }

    private void Reset(AlipayHkCall call, TimeSpan after, string why) =>
        world.Time.After(after, () => call.Fail(new HttpRequestException(HttpRequestError.ConnectionError, why)));

    private void Respond(
        AlipayHkCall call,
        TimeSpan after,
        int status,
        string body,
        bool isSigned = true,
        bool isForged = false,
        bool isTruncated = false,
        string? retryAfter = null,
        TimeSpan behind = default) =>
        world.Time.After(after, () =>
        {
            if (!call.IsOpen) return;
            var bytes = Encoding.UTF8.GetBytes(body);
            var response = new HttpResponseMessage((HttpStatusCode)status);
            response.Headers.TryAddWithoutValidation("Tracer-Id", $"trace-{call.Connection}");
            if (retryAfter is not null) response.Headers.TryAddWithoutValidation("Retry-After", retryAfter);
            if (isSigned)
            {
                var time = ResponseTime(call.Request, behind);
                var signature = world.Keys.SignResponse(isForged ? SigningParty.Unknown : SigningParty.AlipayHk, time, body, () => Hash(time, bytes));
                response.Headers.TryAddWithoutValidation("Response-Time", time);
                response.Headers.TryAddWithoutValidation("Client-Id", SimulatedProcess.ClientId);
                response.Headers.TryAddWithoutValidation("Signature", $"algorithm=RSA256,keyVersion=1,signature={Uri.EscapeDataString(signature)}");
            }

            response.Content = new ByteArrayContent(isTruncated ? bytes[..(bytes.Length / 2)] : bytes);
            var faults = $"{(isSigned ? "" : " unsigned")}{(isForged ? " forged" : "")}{(isTruncated ? " truncated" : "")}";
            world.Trace.Write("alipayhk", $"responds to {call.ContentId} {call.RequestId[..6]} {status} {body}{faults}");
            call.Complete(response);
        });

    // Not earlier than the request, even if the clock of the process is fast, unless it must be behind. The low resolution keeps the
    // number of different responses to sign small, over all seeds.
    private string ResponseTime(HttpRequestMessage request, TimeSpan behind)
    {
        var time = world.Time.Now;
        var isKnown = DateTimeOffset.TryParse(Header(request, "Request-Time"), CultureInfo.InvariantCulture, out var requested);
        if (isKnown && ((world.Plan.MaxClockSkew is null && requested > time) || behind > TimeSpan.Zero)) time = requested;
        var excess = time.UtcTicks % ClockResolution.Ticks;
        if (excess > 0) time = time.AddTicks(ClockResolution.Ticks - excess);
        return (time - behind).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }

    private TimeSpan NextLatency() => world.Random.Between(TimeSpan.FromMilliseconds(20), world.Plan.AlipayHkLatency);

    private static string Result(string code, string status) =>
        $$$"""{"resultInfo":{"resultCode":"{{{code}}}","resultStatus":"{{{status}}}","resultMessage":"{{{code}}}"}}""";

    private static byte[] Hash(string time, byte[] body)
    {
        var prefix = Encoding.UTF8.GetBytes($"POST {Path}\n{SimulatedProcess.ClientId}.{time}.");
        return SHA256.HashData([.. prefix, .. body]);
    }

    private static string? Header(HttpRequestMessage request, string name) =>
        request.Headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;
}

/// <summary>An HTTP call, as seen from both ends.</summary>
internal sealed class AlipayHkCall
{
    private readonly World _world;
    private readonly TaskCompletionSource<HttpResponseMessage> _source = new();

    public AlipayHkCall(World world, SimulatedProcess process, HttpRequestMessage request, byte[] body)
    {
        _world = world;
        Process = process;
        Request = request;
        Body = body;
        Connection = world.AlipayHk.Calls;
        SentAt = world.Time.Elapsed;
        using var json = JsonDocument.Parse(body);
        RequestId = json.RootElement.GetProperty("requestId").GetString()!;
        ContentId = json.RootElement.GetProperty("contentId").GetString()!;
        Kind = ItemKindText.Find(body);
    }

    public SimulatedProcess Process { get; }

    public HttpRequestMessage Request { get; }

    public byte[] Body { get; }

    public long Connection { get; }

    public TimeSpan SentAt { get; }

    public string RequestId { get; }

    public string ContentId { get; }

    public ItemKind Kind { get; }

    public bool IsOpen { get; private set; } = true;

    public int PendingEffects { get; set; }

    /// <summary>AlipayHK responded with a signed success.</summary>
    public bool IsAccepted { get; set; }

    public Task<HttpResponseMessage> Task => _source.Task;

    private bool IsFinished { get; set; }

    public void Complete(HttpResponseMessage response)
    {
        if (Close()) Process.WhenRunning(() => _source.TrySetResult(response));
    }

    public void Fail(Exception fault)
    {
        if (Close()) Process.WhenRunning(() => _source.TrySetException(fault));
    }

    public void Cancel(CancellationToken token)
    {
        if (IsOpen) Process.Cancelling(this);
        if (Close()) _source.TrySetCanceled(token);
    }

    /// <summary>Ends the connection. False when it had already ended or the process is dead.</summary>
    public bool Close()
    {
        if (!IsOpen) return false;
        IsOpen = false;
        Process.Disconnected(this);
        _world.Invariants.Closed(this);
        FinishIfDone();
        return Process.IsAlive;
    }

    public void FinishIfDone()
    {
        if (IsFinished || IsOpen || PendingEffects > 0) return;
        IsFinished = true;
        _world.AlipayHk.InFlight--;
        _world.Invariants.Finished(this);
    }
}

/// <summary>The socket of a process.</summary>
internal sealed class SimulatedSocket(SimulatedProcess process, World world) : HttpMessageHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!process.EnterPort("send", out var crashesAfter)) return await SimulatedProcess.Never<HttpResponseMessage>().ConfigureAwait(false);
        var body = await request.Content!.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        var call = new AlipayHkCall(world, process, request, body);
        process.Connected(call);
        world.AlipayHk.Receive(call);
        if (crashesAfter) world.Time.After(TimeSpan.FromSeconds(1), () => CrashIn(call));
        await using var registration = cancellationToken
            .UnsafeRegister(static (call, token) => ((AlipayHkCall)call!).Cancel(token), call).ConfigureAwait(false);
        return await call.Task.ConfigureAwait(false);
    }

    private void CrashIn(AlipayHkCall call)
    {
        if (call.Process.IsAlive) call.Process.Crash(world.Plan.RestartTime);
    }
}
