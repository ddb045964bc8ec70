using System.Net.Http.Headers;
using System.Runtime.ExceptionServices;
using ContentSync.Budget;
using ContentSync.Diagnostics.Trends;
using ContentSync.Signing;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace ContentSync.AlipayHk;

/// <summary>
/// Calls Synchronize Content with one item per request. Layers, outermost first: total timeout, immediate retries, request timeout,
/// response verification, request signing within the send budget, socket. Thread-safe; create one and share it.
/// </summary>
public sealed partial class AlipayHkClient : IDisposable
{
    private static readonly TimeSpan FirstImmediateRetryDelay = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan MaxImmediateRetryDelay = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan MaxRetryAfter = TimeSpan.FromDays(1);

    private static readonly ResiliencePropertyKey<Call> CallProperty = new(nameof(Call));

    private readonly Uri _endpoint;
    private readonly bool _newRequestIdPerRequest;
    private readonly HttpMessageInvoker _invoker;
    private readonly AlipayHkKeys _keys;
    private readonly bool _ownsKeys;
    private readonly BodyEncryption _encryption;
    private readonly EncryptionOptions _encryptionOptions;
    private readonly IKeyUnwrapper? _unwrapper;
    private readonly RequestIdSource _requestIds;
    private readonly TimeProvider _timeProvider;
    private readonly TimeSpan _totalTimeout;
    private readonly TimeoutPool _requestTimeouts;
    private readonly ResiliencePipeline<ClassifiedResponse> _pipeline;
    private readonly ILogger _logger;

    private AlipayHkClient(
        AlipayHkOptions options,
        AlipayHkKeys keys,
        bool ownsKeys,
        HttpMessageInvoker invoker,
        IKeyUnwrapper? unwrapper,
        RequestIdSource requestIds,
        TimeProvider timeProvider,
        JitterSource? jitter,
        ILogger logger)
    {
        _endpoint = new Uri(options.BaseAddress!, options.Path);
        _newRequestIdPerRequest = options.NewRequestIdPerRequest;
        _invoker = invoker;
        _keys = keys;
        _ownsKeys = ownsKeys;
        _encryption = new BodyEncryption(options.Encryption, keys);
        _encryptionOptions = options.Encryption;
        _unwrapper = unwrapper;
        _requestIds = requestIds;
        _timeProvider = timeProvider;
        _logger = logger;
        _totalTimeout = options.TotalTimeout;
        _requestTimeouts = new TimeoutPool(options.RequestTimeout, timeProvider);
        _pipeline = BuildPipeline(options, timeProvider, jitter);
    }

    /// <summary>Builds the client and its handlers.</summary>
    /// <param name="options">Validated by <see cref="AlipayHkOptionsValidator"/>; read once.</param>
    /// <param name="signer">
    /// Signs every request. Encrypted responses can be read only if it is an <see cref="IKeyUnwrapper"/> too. Not disposed.
    /// </param>
    /// <param name="timeProvider">Clock for timestamps, timeouts and delays.</param>
    /// <param name="loggerFactory">Receives the retries and the clock warning.</param>
    /// <param name="socket">Innermost handler; null to create one with <see cref="AlipayHkSocket"/>. Disposed with the client.</param>
    /// <param name="requestIds">Used only with <see cref="AlipayHkOptions.NewRequestIdPerRequest"/>.</param>
    /// <param name="jitter">Spreads the immediate retries; null for random numbers.</param>
    /// <param name="alipayHkKeys">AlipayHK's keys to share between clients; null to import those of the options. Not disposed.</param>
    /// <param name="budget">This process's part of the send budget; null if it has the whole <see cref="AlipayHkOptions.MaxSendsPerSecond"/>.</param>
    /// <param name="trends">Counts the signatures; null without trends.</param>
    /// <exception cref="RsaKeyTextException">One of AlipayHK's keys cannot be used; the message names the setting.</exception>
    public static AlipayHkClient Create(
        AlipayHkOptions options,
        IRequestSigner signer,
        TimeProvider timeProvider,
        ILoggerFactory loggerFactory,
        HttpMessageHandler? socket = null,
        RequestIdSource? requestIds = null,
        JitterSource? jitter = null,
        AlipayHkKeys? alipayHkKeys = null,
        SendBudget? budget = null,
        TrendRecorder? trends = null)
    {
        budget ??= SendBudget.Whole(new SendBudgetOptions(options.MaxSendsPerSecond), timeProvider);
        var keys = alipayHkKeys ?? new AlipayHkKeys(options);
        var signing = new RequestSigningHandler(options, signer, timeProvider, budget, trends)
        {
            InnerHandler = socket ?? AlipayHkSocket.Open(options),
        };
        var verification = new ResponseVerification(options, keys, timeProvider, loggerFactory.CreateLogger<ResponseVerification>());
        var verifying = new ResponseVerificationHandler(options, verification) { InnerHandler = signing };
        return new AlipayHkClient(
            options,
            keys,
            ownsKeys: alipayHkKeys is null,
            new HttpMessageInvoker(verifying),
            signer as IKeyUnwrapper,
            requestIds ?? new RequestIdSource(),
            timeProvider,
            jitter,
            loggerFactory.CreateLogger<AlipayHkClient>());
    }

    /// <summary>Sends one item, with immediate retries, and returns the result.</summary>
    /// <param name="body">
    /// From <see cref="SynchronizeRequest.Prepare"/>. Sent unchanged unless encryption or
    /// <see cref="AlipayHkOptions.NewRequestIdPerRequest"/> is on.
    /// </param>
    /// <param name="cancellationToken">Ends the call, but not what AlipayHK may already be doing.</param>
    /// <param name="immediateRetries">False for a probe, which needs only one request.</param>
    /// <param name="probe">The claim on the app's probe that the request needs to leave; null unless it is one.</param>
    /// <returns>A result for every outcome but cancellation.</returns>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async ValueTask<SynchronizeResult> SynchronizeAsync(
        ReadOnlyMemory<byte> body,
        CancellationToken cancellationToken,
        bool immediateRetries = true,
        ProbeClaim? probe = null)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var call = new Call(this, body, immediateRetries, probe, new SendDeadline(_timeProvider, _totalTimeout), cancellationToken);
        var outcome = await SendFirstRequestAsync(call).ConfigureAwait(false);
        if (outcome.Exception is null && outcome.Result.RetryImmediately && TimeLeft(call) > TimeSpan.Zero)
        {
            outcome = await RetryAsync(call, outcome).ConfigureAwait(false);
        }

        switch (outcome.Exception)
        {
            case null:
                return WithLateEffect(outcome.Result.Result, call);
            case TimeoutRejectedException:
                return WithLateEffect(TimedOut(_totalTimeout).Result, call);
            default:
                cancellationToken.ThrowIfCancellationRequested();
                ExceptionDispatchInfo.Throw(outcome.Exception);
                throw outcome.Exception;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _invoker.Dispose();
        if (_ownsKeys) _keys.Dispose();
    }

    // Nearly every call ends with its first request, so only its retries pay for the resilience pipeline.
    private async ValueTask<Outcome<ClassifiedResponse>> SendFirstRequestAsync(Call call)
    {
        using var timeout = _requestTimeouts.Start(call.Cancellation);
        return await SendNextRequestAsync(call, timeout.Token).ConfigureAwait(false);
    }

    private async ValueTask<Outcome<ClassifiedResponse>> RetryAsync(Call call, Outcome<ClassifiedResponse> first)
    {
        call.First = first;
        var context = ResilienceContextPool.Shared.Get(continueOnCapturedContext: false, call.Cancellation);
        context.Properties.Set(CallProperty, call);
        try
        {
            return await _pipeline.ExecuteOutcomeAsync(
                static (context, call) => call.Client.SendNextRequestAsync(call, context.CancellationToken),
                context,
                call).ConfigureAwait(false);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private TimeSpan TimeLeft(Call call) => _totalTimeout - _timeProvider.GetElapsedTime(call.Deadline.Began);

    private ResiliencePipeline<ClassifiedResponse> BuildPipeline(AlipayHkOptions options, TimeProvider timeProvider, JitterSource? jitter)
    {
        var builder = new ResiliencePipelineBuilder<ClassifiedResponse> { TimeProvider = timeProvider };
        if (options.ImmediateRetries == 0) return builder.Build();
        jitter ??= new JitterSource();
        var retry = new RetryStrategyOptions<ClassifiedResponse>
        {
            MaxRetryAttempts = options.ImmediateRetries,
            Delay = TimeSpan.Zero,
            ShouldHandle = static arguments =>
                ValueTask.FromResult(arguments.Outcome.Exception is null && arguments.Outcome.Result.RetryImmediately),
            OnRetry = arguments =>
            {
                // Delays here, because the strategy's own delay is a Task.Delay (see TimedWait).
                var delay = ImmediateRetryDelay(arguments.AttemptNumber, jitter.Draw());
                var result = arguments.Outcome.Result.Result;
                LogImmediateRetry(_logger, result.Code, result.HttpStatus, delay.TotalMilliseconds);
                return timeProvider.WaitAsync(delay, arguments.Context.CancellationToken);
            },
        };
        var totalTimeout = new TimeoutStrategyOptions
        {
            TimeoutGenerator = arguments => ValueTask.FromResult(TimeLeft(arguments.Context.Properties.GetValue(CallProperty, null!))),
        };
        return builder
            .AddTimeout(totalTimeout)
            .AddRetry(retry)
            .AddTimeout(options.RequestTimeout)
            .Build();
    }

    private ValueTask<Outcome<ClassifiedResponse>> SendNextRequestAsync(Call call, CancellationToken cancellationToken)
    {
        if (call.First is { } first)
        {
            // The first request was sent before the pipeline started.
            call.First = null;
            return ValueTask.FromResult(first);
        }

        return _newRequestIdPerRequest
            ? SendWithNewRequestIdAsync(call, cancellationToken)
            : SendRequestAsync(call, call.Body, cancellationToken);
    }

    private async ValueTask<Outcome<ClassifiedResponse>> SendWithNewRequestIdAsync(Call call, CancellationToken cancellationToken)
    {
        var requestId = _requestIds.Create();
        var outcome = await SendRequestAsync(call, SynchronizeRequest.WithRequestId(call.Body, requestId), cancellationToken).ConfigureAwait(false);
        if (outcome.Exception is not null) return outcome;
        return Outcome.FromResult(outcome.Result with { Result = outcome.Result.Result with { RequestId = requestId } });
    }

    // Exponential with full jitter.
    private static TimeSpan ImmediateRetryDelay(int retry, double jitter)
    {
        var upperBound = FirstImmediateRetryDelay * Math.Pow(2, retry);
        return (upperBound < MaxImmediateRetryDelay ? upperBound : MaxImmediateRetryDelay) * jitter;
    }

    private static SynchronizeResult WithLateEffect(SynchronizeResult result, Call call) =>
        call.MayTakeEffectLater ? result with { MayTakeEffectLater = true } : result;

    private async ValueTask<Outcome<ClassifiedResponse>> SendRequestAsync(
        Call call,
        ReadOnlyMemory<byte> plain,
        CancellationToken cancellationToken)
    {
        ExactBody? body = null;
        var finished = false;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, _endpoint);
            request.Content = body = Fill(request, plain, call);
            using var response = await _invoker.SendAsync(request, cancellationToken).ConfigureAwait(false);
            var classified = ResponseClassifier.Classify(await ReadAsync(response, cancellationToken).ConfigureAwait(false));

            // A gateway sends an unsigned 408 or 5xx when it stops waiting for its backend; the backend may still finish.
            // An outdated response belongs to another request; ours may still be on its way.
            finished = classified.Result.Verification == SignatureVerification.Valid
                || (classified.Result.HttpStatus is not (408 or >= 500) && classified.Result.Verification != SignatureVerification.Outdated);
            return Outcome.FromResult(classified with { RetryImmediately = classified.RetryImmediately && call.ImmediateRetries });
        }
        catch (SigningUnavailableException unavailable)
        {
            return Outcome.FromResult(NotSigned(unavailable.Message, unavailable.RetryAfter));
        }
        catch (SendBudgetExhaustedException exhausted)
        {
            return Outcome.FromResult(OverBudget(exhausted.Message, exhausted.RetryAfter));
        }
        catch (SendTooLateException late)
        {
            return Outcome.FromResult(OverBudget(late.Message, null));
        }
        catch (ProbeLostException lost)
        {
            return Outcome.FromResult(OverBudget(lost.Message, null));
        }
        catch (HttpRequestException broken)
        {
            return Outcome.FromResult(NotConnected($"{broken.HttpRequestError}: {Cause(broken)}", call));
        }
        catch (IOException broken)
        {
            return Outcome.FromResult(NotConnected(Cause(broken), call));
        }
        catch (OperationCanceledException cancelled)
        {
            if (call.Cancellation.IsCancellationRequested) return Outcome.FromException<ClassifiedResponse>(cancelled);
            if (!cancellationToken.IsCancellationRequested) return Outcome.FromResult(NotConnected(cancelled.Message, call));
            return Outcome.FromResult(body?.WasSent == true
                ? TimedOut(null)
                : NotSigned("Signing and waiting for the send budget took longer than the request timeout; nothing was sent.", null));
        }
        catch (Exception unexpected)
        {
            return Outcome.FromException<ClassifiedResponse>(unexpected);
        }
        finally
        {
            if (!finished && body?.WasSent == true) call.MayTakeEffectLater = true;
        }
    }

    private ExactBody Fill(HttpRequestMessage request, ReadOnlyMemory<byte> body, Call call)
    {
        if (!_encryptionOptions.Enabled) return new ExactBody(body, WireHeaders.JsonContentType) { Probe = call.Probe, Deadline = call.Deadline };
        var encrypted = _encryption.Encrypt(body.Span);
        request.Headers.TryAddWithoutValidation(WireHeaders.Encrypt, encrypted.Header);
        return new ExactBody(encrypted.Text, _encryptionOptions.ContentType) { Probe = call.Probe, Deadline = call.Deadline };
    }

    private async ValueTask<ResponseFacts> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var received = (ReceivedContent)response.Content;
        var facts = new ResponseFacts((int)response.StatusCode, received.Check)
        {
            TooLarge = received.TooLarge,
            TracerId = WireHeaders.Find(response, WireHeaders.TracerId) ?? WireHeaders.Find(response, WireHeaders.TracerIdAlternative),
            RetryAfter = RetryAfter(WireHeaders.Find(response, WireHeaders.RetryAfter)),
        };

        // A body with a doubtful signature is not parsed.
        var readable = received.Check.Verification is SignatureVerification.Valid or SignatureVerification.Unsigned;
        if (received.TooLarge || !readable) return facts;

        // The signature covers bytes, so the charset decides what they mean. An unsigned response is only a diagnosis.
        if (received.Check.Verification == SignatureVerification.Valid && received.ForeignCharset() is { } charset)
        {
            return facts with { Problem = $"its Content-Type names the charset {charset} instead of UTF-8" };
        }

        var json = received.Bytes;
        if (WireHeaders.Find(response, WireHeaders.Encrypt) is { } header)
        {
            var (plain, problem) = await DecryptAsync(received, header, cancellationToken).ConfigureAwait(false);
            if (plain is null) return facts with { Problem = problem, ProblemCode = ClientCodes.UndecryptableResponse };
            json = plain.Value;
        }

        return SynchronizeResponse.TryRead(json.Span, out var parsed, out var parseProblem)
            ? facts with { Response = parsed }
            : facts with { Problem = parseProblem };
    }

    private async ValueTask<(ReadOnlyMemory<byte>? Plain, string Problem)> DecryptAsync(
        ReceivedContent received,
        string header,
        CancellationToken cancellationToken)
    {
        if (received.Check.Verification != SignatureVerification.Valid)
        {
            return (null, "it is encrypted but not signed, and only verified responses are decrypted");
        }

        if (_unwrapper is null) return (null, "it is encrypted, and the signer in use cannot decrypt its key");
        var plain = await _encryption.DecryptAsync(received.Bytes, header, _unwrapper, cancellationToken).ConfigureAwait(false);
        return (plain, "it is encrypted, and its Encrypt header or its body cannot be decrypted with our private key");
    }

    private TimeSpan? RetryAfter(string? header)
    {
        if (!RetryConditionHeaderValue.TryParse(header, out var value)) return null;
        var delay = value.Delta ?? value.Date!.Value - _timeProvider.GetUtcNow();
        return delay < TimeSpan.Zero ? TimeSpan.Zero : delay > MaxRetryAfter ? MaxRetryAfter : delay;
    }

    private static ClassifiedResponse TimedOut(TimeSpan? timeout)
    {
        var message = timeout is null
            ? "No complete response arrived within the request timeout."
            : $"No complete response arrived within {timeout.Value.TotalSeconds:0.###} s.";
        return new(new SynchronizeResult(SynchronizeResultKind.Retryable, ClientCodes.Timeout, message), RetryImmediately: false);
    }

    private static ClassifiedResponse NotConnected(string reason, Call call)
    {
        var message = ResponseClassifier.Truncate($"The connection to AlipayHK failed or broke before the complete response arrived. {reason}");
        return new(
            new SynchronizeResult(SynchronizeResultKind.Retryable, ClientCodes.ConnectionFailed, message),
            RetryImmediately: call.ImmediateRetries);
    }

    // The platform's TLS errors refer to an inner exception, and the reason may be further inside.
    private static string Cause(Exception broken)
    {
        var cause = broken;
        while (cause.InnerException is { } inner && cause.Message.Contains("inner exception", StringComparison.OrdinalIgnoreCase)) cause = inner;
        var innermost = cause.GetBaseException();
        return cause == broken || cause == innermost ? cause.Message : $"{cause.Message} {innermost.Message}";
    }

    private static ClassifiedResponse NotSigned(string reason, TimeSpan? retryAfter)
    {
        var message = ResponseClassifier.Truncate(reason);
        return new(
            new SynchronizeResult(SynchronizeResultKind.SigningUnavailable, ClientCodes.SigningUnavailable, message) { RetryAfter = retryAfter },
            RetryImmediately: false);
    }

    private static ClassifiedResponse OverBudget(string message, TimeSpan? retryAfter) => new(
        new SynchronizeResult(SynchronizeResultKind.SigningUnavailable, ClientCodes.SendBudgetSpent, message) { RetryAfter = retryAfter },
        RetryImmediately: false);

    [LoggerMessage(2102, LogLevel.Debug, "Retrying in {Milliseconds:F0} ms after {Code} (HTTP {HttpStatus})")]
    private static partial void LogImmediateRetry(ILogger logger, string code, int? httpStatus, double milliseconds);

    private sealed class Call(
        AlipayHkClient client,
        ReadOnlyMemory<byte> body,
        bool immediateRetries,
        ProbeClaim? probe,
        SendDeadline deadline,
        CancellationToken cancellation)
    {
        public AlipayHkClient Client { get; } = client;

        public ReadOnlyMemory<byte> Body { get; } = body;

        public CancellationToken Cancellation { get; } = cancellation;

        public bool ImmediateRetries { get; } = immediateRetries;

        public ProbeClaim? Probe { get; } = probe;

        /// <summary>When the total timeout ends.</summary>
        public SendDeadline Deadline { get; } = deadline;

        /// <summary>Outcome of the first request, until the pipeline consumes it.</summary>
        public Outcome<ClassifiedResponse>? First { get; set; }

        /// <summary>A request was sent without a final response.</summary>
        public bool MayTakeEffectLater { get; set; }
    }
}
