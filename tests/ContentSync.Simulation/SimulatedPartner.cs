using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace ContentSync.Simulation;

/// <summary>AlipayHK: checks what it is sent, keeps it by contentId, answers signed, and misbehaves. Builds its strings to sign by itself.</summary>
internal sealed class SimulatedPartner(World world)
{
    private const string Path = "/api/open/alipay/v1/content/synchronize";

    private static readonly TimeSpan ClockStroke = TimeSpan.FromMinutes(5);

    private readonly Quota _quota = new(world, "partner calls", world.Plan.MaxSendsPerSecond, TimeSpan.Zero);

    /// <summary>Calls that reached the network, dark times included.</summary>
    public long Calls { get; private set; }

    /// <summary>When calls were made, for scenarios that look at their rate.</summary>
    public List<(TimeSpan At, string ContentId)>? Log { get; set; }

    /// <summary>Calls it is at work on, or whose connection is open.</summary>
    public int InFlight { get; set; }

    public void Receive(PartnerCall call)
    {
        Calls++;
        InFlight++;
        _quota.Use();
        Log?.Add((world.Time.Elapsed, call.ContentId));
        world.Judge.Sent(call);
        world.Trace.Write(call.Process.Name, $"sends {call.ContentId} {call.RequestId[..6]}");
        world.Time.After(world.Brief(), () => Arrive(call));
    }

    /// <summary>Why a request is not sound, as the real gateway would find; null where it is.</summary>
    private string? Refusal(PartnerCall call)
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

    private void Arrive(PartnerCall call)
    {
        if (world.Meets(Fault.PartnerDark))
        {
            if (call.Connection % 2 == 0) Reset(call, TimeSpan.FromMilliseconds(20), "Nobody listens.");
            return;
        }

        if (Refusal(call) is { } refusal)
        {
            world.Judge.Report(Invariant.RequestIsFixed, $"the partner refuses {call.ContentId} with {refusal}");
            return;
        }

        if (world.Meets(Fault.PartnerConfigurationFault))
        {
            Answer(call, Brief(), 400, Result("INVALID_SIGNATURE", "F"), isSigned: false);
            return;
        }

        world.Judge.Arrived(call);
        if (!Misbehave(call)) Behave(call);
    }

    private void Behave(PartnerCall call)
    {
        switch (call.Nature)
        {
            case Nature.Tarpit:
                break;
            case Nature.Poison:
                Answer(call, Brief(), 200, Result("UNKNOWN_EXCEPTION", "F"));
                break;
            case Nature.Risky:
                Answer(call, Brief(), 200, Result("CONTENT_RISKY", "F"));
                break;
            default:
                var takes = Brief();
                Effect(call, takes * 0.5);
                Answer(call, takes, 200, Result("SUCCESS", "S"));
                break;
        }
    }

    private bool Misbehave(PartnerCall call)
    {
        var has = call.Nature is Nature.Sound;
        if (world.Strikes(Fault.PartnerThrottle)) AnswerThrottled(call);
        else if (world.Strikes(Fault.PartnerServerError)) Answer(call, Brief(), world.Random.Pick(500, 502, 503), "<html>broken</html>", isSigned: false);
        else if (world.Strikes(Fault.PartnerUnknownException)) Answer(call, Brief(), 200, Result("UNKNOWN_EXCEPTION", "F"));
        else if (world.Strikes(Fault.PartnerTimeoutBeforeEffect)) return true;
        else if (has && world.Strikes(Fault.PartnerTimeoutAfterEffect)) Effect(call, Brief());
        else if (has && world.Strikes(Fault.PartnerLateEffect)) BeLate(call);
        else if (world.Strikes(Fault.PartnerReset)) Reset(call, Brief(), "Connection reset.");
        else if (has && world.Strikes(Fault.PartnerResetAfterEffect)) ResetAfterEffect(call);
        else if (has && world.Strikes(Fault.PartnerTruncated)) AnswerTruncated(call);
        else if (world.Strikes(Fault.PartnerForged)) Answer(call, Brief(), 200, Result("SUCCESS", "S"), isForged: true);
        else if (world.Strikes(Fault.PartnerUnsigned)) Answer(call, Brief(), 200, Result("SUCCESS", "S"), isSigned: false);
        else if (world.Strikes(Fault.PartnerUnsignedRejection)) Answer(call, Brief(), 200, Result(world.Random.Pick("CONTENT_RISKY", "PARAM_ILLEGAL"), "F"), isSigned: false);
        else return false;
        return true;
    }

    private void AnswerThrottled(PartnerCall call)
    {
        var seconds = world.Random.Pick(1, 5, 60, 600);
        Answer(call, Brief(), 429, "", isSigned: false, retryAfter: seconds.ToString(CultureInfo.InvariantCulture));
    }

    // The client gives up first, by its time limit or because a gateway in between did.
    private void BeLate(PartnerCall call)
    {
        var late = world.Random.Between(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(9));
        switch (world.Random.Next(3))
        {
            case 0:
                Effect(call, late);
                Reset(call, Brief(), "Connection reset.");
                break;
            case 1:
                Effect(call, late);
                Answer(call, Brief(), 504, "<html>gateway timeout</html>", isSigned: false);
                break;
            default:
                Effect(call, TimeSpan.FromSeconds(14) + late);
                break;
        }
    }

    private void ResetAfterEffect(PartnerCall call)
    {
        var takes = Brief();
        Effect(call, takes * 0.5);
        Reset(call, takes, "Connection reset.");
    }

    private void AnswerTruncated(PartnerCall call)
    {
        var takes = Brief();
        Effect(call, takes * 0.5);
        Answer(call, takes, 200, Result("SUCCESS", "S"), isTruncated: true);
    }

    private void Effect(PartnerCall call, TimeSpan after)
    {
        call.PendingEffects++;
        world.Time.After(after, () =>
        {
            world.Trace.Write("partner", $"takes {call.ContentId} {call.RequestId[..6]}");
            world.Judge.TookEffect(call);
            call.PendingEffects--;
            call.LeaveIfDone();
        });
    }

    private void Reset(PartnerCall call, TimeSpan after, string why) =>
        world.Time.After(after, () => call.Fail(new HttpRequestException(HttpRequestError.ConnectionError, why)));

    private void Answer(PartnerCall call, TimeSpan after, int status, string body, bool isSigned = true, bool isForged = false, bool isTruncated = false, string? retryAfter = null) =>
        world.Time.After(after, () =>
        {
            if (!call.IsOpen) return;
            var bytes = Encoding.UTF8.GetBytes(body);
            var response = new HttpResponseMessage((HttpStatusCode)status);
            response.Headers.TryAddWithoutValidation("Tracer-Id", $"trace-{call.Connection}");
            if (retryAfter is not null) response.Headers.TryAddWithoutValidation("Retry-After", retryAfter);
            if (isSigned)
            {
                var time = ResponseTime();
                var signature = world.Keys.SignAnswer(isForged ? SigningParty.Stranger : SigningParty.Partner, time, body, () => Hash(time, bytes));
                response.Headers.TryAddWithoutValidation("Response-Time", time);
                response.Headers.TryAddWithoutValidation("Client-Id", SimulatedProcess.ClientId);
                response.Headers.TryAddWithoutValidation("Signature", $"algorithm=RSA256,keyVersion=1,signature={Uri.EscapeDataString(signature)}");
            }

            response.Content = new ByteArrayContent(isTruncated ? bytes[..(bytes.Length / 2)] : bytes);
            world.Trace.Write("partner", $"answers {call.ContentId} {call.RequestId[..6]} {status} {body}{(isSigned ? "" : " unsigned")}{(isForged ? " forged" : "")}{(isTruncated ? " truncated" : "")}");
            call.Answer(response);
        });

    // Its clock stands still between two strokes, so that all seeds together have few answers to sign.
    private string ResponseTime() =>
        world.Time.Now.AddTicks(-(world.Time.Elapsed.Ticks % ClockStroke.Ticks)).ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);

    private TimeSpan Brief() => world.Random.Between(TimeSpan.FromMilliseconds(20), world.Plan.PartnerLatency);

    private static string Result(string code, string status) => $$$"""{"resultInfo":{"resultCode":"{{{code}}}","resultStatus":"{{{status}}}","resultMessage":"{{{code}}}"}}""";

    private static byte[] Hash(string time, byte[] body)
    {
        var prefix = Encoding.UTF8.GetBytes($"POST {Path}\n{SimulatedProcess.ClientId}.{time}.");
        return SHA256.HashData([.. prefix, .. body]);
    }

    private static string? Header(HttpRequestMessage request, string name) =>
        request.Headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;
}

/// <summary>One HTTP call on its way, seen from both ends.</summary>
internal sealed class PartnerCall
{
    private readonly World _world;
    private readonly TaskCompletionSource<HttpResponseMessage> _source = new();

    public PartnerCall(World world, SimulatedProcess process, HttpRequestMessage request, byte[] body)
    {
        _world = world;
        Process = process;
        Request = request;
        Body = body;
        Connection = world.Partner.Calls;
        using var json = JsonDocument.Parse(body);
        RequestId = json.RootElement.GetProperty("requestId").GetString()!;
        ContentId = json.RootElement.GetProperty("contentId").GetString()!;
        Nature = NatureText.Find(body);
    }

    public SimulatedProcess Process { get; }

    public HttpRequestMessage Request { get; }

    public byte[] Body { get; }

    public long Connection { get; }

    public string RequestId { get; }

    public string ContentId { get; }

    public Nature Nature { get; }

    public bool IsOpen { get; private set; } = true;

    public int PendingEffects { get; set; }

    public Task<HttpResponseMessage> Task => _source.Task;

    private bool HasLeft { get; set; }

    public void Answer(HttpResponseMessage response)
    {
        if (Close()) _source.TrySetResult(response);
    }

    public void Fail(Exception fault)
    {
        if (Close()) _source.TrySetException(fault);
    }

    public void Cancel(CancellationToken token)
    {
        if (Close()) _source.TrySetCanceled(token);
    }

    /// <summary>The connection ends. False where it had ended, or where nobody is left to be told.</summary>
    public bool Close()
    {
        if (!IsOpen) return false;
        IsOpen = false;
        Process.Disconnected(this);
        _world.Judge.Closed(this);
        LeaveIfDone();
        return Process.IsAlive;
    }

    public void LeaveIfDone()
    {
        if (HasLeft || IsOpen || PendingEffects > 0) return;
        HasLeft = true;
        _world.Partner.InFlight--;
        _world.Judge.Left(this);
    }
}

/// <summary>The socket of a process.</summary>
internal sealed class PartnerSocket(SimulatedProcess process, World world) : HttpMessageHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!process.EnterPort("send", out var crashesAfter)) return await SimulatedProcess.Never<HttpResponseMessage>().ConfigureAwait(false);
        var body = await request.Content!.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        var call = new PartnerCall(world, process, request, body);
        process.Connected(call);
        world.Partner.Receive(call);
        if (crashesAfter) world.Time.After(TimeSpan.FromSeconds(1), () => CrashIn(call));
        await using var registration = cancellationToken.UnsafeRegister(static (call, token) => ((PartnerCall)call!).Cancel(token), call).ConfigureAwait(false);
        return await call.Task.ConfigureAwait(false);
    }

    private static void CrashIn(PartnerCall call)
    {
        if (call.Process.IsAlive) call.Process.Crash(SimulatedProcess.CrashPointDownTime);
    }
}
