using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using ContentSync.Signing;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace ContentSync.AlipayHk;

/// <summary>
/// Synchronize Content, one content per call: total time limit, quick retries, time limit per try, then response verification,
/// request signing within the send budget, and the socket. Made once and used by all threads.
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

    private AlipayHkClient(AlipayHkOptions options, AlipayHkKeys keys, bool ownsKeys, HttpMessageInvoker invoker, IKeyUnwrapper? unwrapper, RequestIdSource requestIds, TimeProvider timeProvider, Func<double>? jitter, ILogger logger)
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

    /// <summary>Builds the client and all that it needs.</summary>
    /// <param name="options">Validated by <see cref="AlipayHkOptionsValidator"/>; read once.</param>
    /// <param name="signer">Signs every try. Where it is an <see cref="IKeyUnwrapper"/> too, encrypted answers can be read. Not disposed.</param>
    /// <param name="timeProvider">Clock of time stamps, time limits and waits.</param>
    /// <param name="loggerFactory">For the few warnings of the wire.</param>
    /// <param name="socket">What sends; null for a handler with <see cref="AlipayHkSocket"/>'s settings. Disposed with the client.</param>
    /// <param name="requestIds">Only used with <see cref="AlipayHkOptions.NewRequestIdPerRequest"/>.</param>
    /// <param name="jitter">A number from 0 to below 1 for each quick wait; null for chance.</param>
    /// <param name="alipayHkKeys">AlipayHK's keys where they are imported already, which several clients may share; null to import those of the options. Not disposed.</param>
    /// <exception cref="RsaKeyTextException">A partner key cannot be used; the message names the setting.</exception>
    public static AlipayHkClient Create(AlipayHkOptions options, IRequestSigner signer, TimeProvider timeProvider, ILoggerFactory loggerFactory, HttpMessageHandler? socket = null, RequestIdSource? requestIds = null, Func<double>? jitter = null, AlipayHkKeys? alipayHkKeys = null)
    {
        var keys = alipayHkKeys ?? new AlipayHkKeys(options);
        var signing = new RequestSigningHandler(options, signer, timeProvider) { InnerHandler = socket ?? AlipayHkSocket.Open(options) };
        var verification = new ResponseVerification(options, keys, timeProvider, loggerFactory.CreateLogger<ResponseVerification>());
        var verifying = new ResponseVerificationHandler(options, verification) { InnerHandler = signing };
        return new AlipayHkClient(options, keys, alipayHkKeys is null, new HttpMessageInvoker(verifying), signer as IKeyUnwrapper, requestIds ?? new RequestIdSource(), timeProvider, jitter, loggerFactory.CreateLogger<AlipayHkClient>());
    }

    /// <summary>Sends one content and says what came of it, quick retries included.</summary>
    /// <param name="body">As <see cref="SynchronizeRequest.Prepare"/> made it; not changed, and sent as it is unless encryption or a new request id per attempt is on.</param>
    /// <param name="cancellationToken">The caller's; AlipayHK may have done it nevertheless.</param>
    /// <param name="immediateRetries">Off for a probe: one try tells what it is made to tell.</param>
    /// <returns>A value for every ending.</returns>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<SynchronizeResult> SynchronizeAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken, bool immediateRetries = true)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var call = new Call(this, body, immediateRetries, _timeProvider.GetTimestamp(), cancellationToken);
        var outcome = await SendFirstRequestAsync(call).ConfigureAwait(false);
        if (outcome.Exception is null && outcome.Result.RetryImmediately && TimeLeft(call) > TimeSpan.Zero) outcome = await RetryAsync(call, outcome).ConfigureAwait(false);
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

    // Nearly every call ends with its first try, so that one has its time limit and nothing more; the pipeline is for the others.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Outcome<ClassifiedResponse>> SendFirstRequestAsync(Call call)
    {
        using var limit = _requestTimeouts.Start(call.Cancellation);
        return await SendNextRequestAsync(call, limit.Token).ConfigureAwait(false);
    }

    private async ValueTask<Outcome<ClassifiedResponse>> RetryAsync(Call call, Outcome<ClassifiedResponse> first)
    {
        call.First = first;
        var context = ResilienceContextPool.Shared.Get(continueOnCapturedContext: false, call.Cancellation);
        context.Properties.Set(CallProperty, call);
        try
        {
            return await _pipeline.ExecuteOutcomeAsync(static (context, call) => call.Client.SendNextRequestAsync(call, context.CancellationToken), context, call).ConfigureAwait(false);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private TimeSpan TimeLeft(Call call) => _totalTimeout - _timeProvider.GetElapsedTime(call.Began);

    private ResiliencePipeline<ClassifiedResponse> BuildPipeline(AlipayHkOptions options, TimeProvider timeProvider, Func<double>? jitter)
    {
        var builder = new ResiliencePipelineBuilder<ClassifiedResponse> { TimeProvider = timeProvider };
        if (options.ImmediateRetries == 0) return builder.Build();
        var retryJitter = jitter ?? RandomJitter;
        var retry = new RetryStrategyOptions<ClassifiedResponse>
        {
            MaxRetryAttempts = options.ImmediateRetries,
            Delay = TimeSpan.Zero,
            ShouldHandle = static arguments => ValueTask.FromResult(arguments.Outcome.Exception is null && arguments.Outcome.Result.RetryImmediately),
            OnRetry = arguments =>
            {
                // Waits here, because the delay between two tries is a Task.Delay (see TimedWait).
                var wait = ImmediateRetryDelay(arguments.AttemptNumber, retryJitter());
                LogImmediateRetry(_logger, arguments.Outcome.Result.Result.Code, arguments.Outcome.Result.Result.HttpStatus, wait.TotalMilliseconds);
                return timeProvider.WaitAsync(wait, arguments.Context.CancellationToken);
            },
        };
        return builder
            .AddTimeout(new TimeoutStrategyOptions { TimeoutGenerator = arguments => ValueTask.FromResult(TimeLeft(arguments.Context.Properties.GetValue(CallProperty, null!))) })
            .AddRetry(retry)
            .AddTimeout(options.RequestTimeout)
            .Build();
    }

    private ValueTask<Outcome<ClassifiedResponse>> SendNextRequestAsync(Call call, CancellationToken cancellationToken)
    {
        if (call.First is { } first)
        {
            // The pipeline's first try has been made already.
            call.First = null;
            return ValueTask.FromResult(first);
        }

        return _newRequestIdPerRequest ? SendWithNewRequestIdAsync(call, cancellationToken) : SendRequestAsync(call, call.Body, cancellationToken);
    }

    private async ValueTask<Outcome<ClassifiedResponse>> SendWithNewRequestIdAsync(Call call, CancellationToken cancellationToken)
    {
        var requestId = _requestIds.Create();
        var outcome = await SendRequestAsync(call, SynchronizeRequest.WithRequestId(call.Body, requestId), cancellationToken);
        if (outcome.Exception is not null) return outcome;
        return Outcome.FromResult(outcome.Result with { Result = outcome.Result.Result with { RequestId = requestId } });
    }

    // Exponential with full jitter.
    private static TimeSpan ImmediateRetryDelay(int retry, double jitter)
    {
        var longest = FirstImmediateRetryDelay * Math.Pow(2, retry);
        return (longest < MaxImmediateRetryDelay ? longest : MaxImmediateRetryDelay) * jitter;
    }

    private static double RandomJitter() => RandomNumberGenerator.GetInt32(1 << 30) / (double)(1 << 30);

    private static SynchronizeResult WithLateEffect(SynchronizeResult answer, Call call) => call.MayTakeEffectLater ? answer with { MayTakeEffectLater = true } : answer;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Outcome<ClassifiedResponse>> SendRequestAsync(Call call, ReadOnlyMemory<byte> plain, CancellationToken cancellationToken)
    {
        ExactBody? body = null;
        var answered = false;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, _endpoint);
            request.Content = body = Fill(request, plain);
            using var response = await _invoker.SendAsync(request, cancellationToken);
            var exchange = ResponseClassifier.Classify(await ReadAsync(response, cancellationToken));

            // A gateway gives up on its backend with these, and cannot call it back.
            answered = exchange.Result.HttpStatus is not (408 or >= 500) || exchange.Result.Verification == SignatureVerification.Valid;
            return Outcome.FromResult(exchange with { RetryImmediately = exchange.RetryImmediately && call.ImmediateRetries });
        }
        catch (SigningUnavailableException unavailable)
        {
            return Outcome.FromResult(NotSigned(unavailable.Message, unavailable.RetryAfter));
        }
        catch (SendBudgetExhaustedException spent)
        {
            return Outcome.FromResult(new ClassifiedResponse(new SynchronizeResult(SynchronizeResultKind.SigningUnavailable, ClientCodes.SendBudgetSpent, spent.Message) { RetryAfter = spent.Wait }, RetryImmediately: false));
        }
        catch (HttpRequestException broken)
        {
            return Outcome.FromResult(NotConnected($"{broken.HttpRequestError}: {broken.Message}", call));
        }
        catch (IOException broken)
        {
            return Outcome.FromResult(NotConnected(broken.Message, call));
        }
        catch (OperationCanceledException cancelled)
        {
            if (call.Cancellation.IsCancellationRequested) return Outcome.FromException<ClassifiedResponse>(cancelled);
            if (!cancellationToken.IsCancellationRequested) return Outcome.FromResult(NotConnected(cancelled.Message, call));
            return Outcome.FromResult(body?.WasSent == true ? TimedOut(null) : NotSigned("No signature, or no turn within the send budget, came within the time limit; nothing was sent.", null));
        }
        catch (Exception unexpected)
        {
            return Outcome.FromException<ClassifiedResponse>(unexpected);
        }
        finally
        {
            if (!answered && body?.WasSent == true) call.MayTakeEffectLater = true;
        }
    }

    private ExactBody Fill(HttpRequestMessage request, ReadOnlyMemory<byte> body)
    {
        if (!_encryptionOptions.Enabled) return new ExactBody(body, WireHeaders.JsonContentType);
        var encrypted = _encryption.Encrypt(body.Span);
        request.Headers.TryAddWithoutValidation(WireHeaders.Encrypt, encrypted.Header);
        return new ExactBody(encrypted.Text, _encryptionOptions.ContentType);
    }

    private async ValueTask<ResponseFacts> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var received = (ReceivedContent)response.Content;
        var facts = new ResponseFacts((int)response.StatusCode, received.Check)
        {
            TooLarge = received.TooLarge,
            TracerId = WireHeaders.Find(response, WireHeaders.TracerId) ?? WireHeaders.Find(response, WireHeaders.TracerIdOtherSpelling),
            RetryAfter = RetryAfter(WireHeaders.Find(response, WireHeaders.RetryAfter)),
        };

        // Nobody looks into what is neither signed nor plainly unsigned.
        if (received.TooLarge || received.Check.Verification is not (SignatureVerification.Valid or SignatureVerification.Unsigned)) return facts;

        var json = received.Bytes;
        if (WireHeaders.Find(response, WireHeaders.Encrypt) is { } header)
        {
            var (plain, problem) = await DecryptAsync(received, header, cancellationToken);
            if (plain is null) return facts with { Problem = problem, ProblemCode = ClientCodes.UndecryptableResponse };
            json = plain.Value;
        }

        return SynchronizeResponse.TryRead(json.Span, out var answer, out var why)
            ? facts with { Response = answer }
            : facts with { Problem = why };
    }

    private async ValueTask<(ReadOnlyMemory<byte>? Plain, string Problem)> DecryptAsync(ReceivedContent received, string header, CancellationToken cancellationToken)
    {
        if (received.Check.Verification != SignatureVerification.Valid) return (null, "it is encrypted but not signed, and only verified answers are decrypted");
        if (_unwrapper is null) return (null, "it is encrypted, and the signer in use cannot decrypt its key");
        var plain = await _encryption.DecryptAsync(received.Bytes, header, _unwrapper, cancellationToken);
        return (plain, "it is encrypted, and its Encrypt header or its text cannot be decrypted with our private key");
    }

    private TimeSpan? RetryAfter(string? header)
    {
        if (!RetryConditionHeaderValue.TryParse(header, out var value)) return null;
        var wait = value.Delta ?? value.Date!.Value - _timeProvider.GetUtcNow();
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait > MaxRetryAfter ? MaxRetryAfter : wait;
    }

    private static ClassifiedResponse TimedOut(TimeSpan? limit) => new(
        new SynchronizeResult(SynchronizeResultKind.Retryable, ClientCodes.Timeout, limit is null ? "No whole answer came within the time limit of one try." : $"No whole answer came within {limit.Value.TotalSeconds:0.###} s."),
        RetryImmediately: false);

    private static ClassifiedResponse NotConnected(string why, Call call) => new(
        new SynchronizeResult(SynchronizeResultKind.Retryable, ClientCodes.ConnectionFailed, ResponseClassifier.Cut($"No connection to AlipayHK, or it broke before the whole answer came. {why}")),
        RetryImmediately: call.ImmediateRetries);

    private static ClassifiedResponse NotSigned(string why, TimeSpan? retryAfter) => new(
        new SynchronizeResult(SynchronizeResultKind.SigningUnavailable, ClientCodes.SigningUnavailable, ResponseClassifier.Cut(why)) { RetryAfter = retryAfter },
        RetryImmediately: false);

    [LoggerMessage(2102, LogLevel.Debug, "Trying again in {Milliseconds:F0} ms after {Code} (HTTP {HttpStatus})")]
    private static partial void LogImmediateRetry(ILogger logger, string code, int? httpStatus, double milliseconds);

    private sealed class Call(AlipayHkClient client, ReadOnlyMemory<byte> body, bool immediateRetries, long began, CancellationToken cancellation)
    {
        public AlipayHkClient Client { get; } = client;

        public ReadOnlyMemory<byte> Body { get; } = body;

        public CancellationToken Cancellation { get; } = cancellation;

        public bool ImmediateRetries { get; } = immediateRetries;

        /// <summary>Time stamp; the total time limit counts from here.</summary>
        public long Began { get; } = began;

        /// <summary>What the first try came to, until the pipeline has taken it up.</summary>
        public Outcome<ClassifiedResponse>? First { get; set; }

        /// <summary>A try was sent and not answered.</summary>
        public bool MayTakeEffectLater { get; set; }
    }
}
