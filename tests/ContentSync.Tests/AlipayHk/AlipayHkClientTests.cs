using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ContentSync.AlipayHk;
using ContentSync.Signing;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.AlipayHk;

public sealed class AlipayHkClientTests : IDisposable
{
    private readonly FakeAlipayHk _gateway = new();
    private DateTimeOffset? _cancelledAt;

    public void Dispose() => _gateway.Dispose();

    [Fact]
    public async Task Sends_exactly_the_signed_bytes_once_with_every_header()
    {
        _gateway.Then(_gateway.Signed(FakeAlipayHk.SuccessJson));
        var body = FakeAlipayHk.Body();
        var result = await SendAsync(body);

        var sent = Assert.Single(_gateway.Sent);
        Assert.Equal("POST", sent.Method);
        Assert.Equal(new Uri("https://gateway.example/api/open/alipay/v1/content/synchronize"), sent.Url);
        Assert.Equal(body.ToArray(), sent.Body);
        Assert.Equal(FakeAlipayHk.ClientId, sent.Headers["Client-Id"]);
        Assert.Equal("2026-03-01T12:00:00+00:00", sent.Headers["Request-Time"]);
        Assert.Equal("application/json; charset=UTF-8", sent.Headers["Content-Type"]);
        Assert.StartsWith("algorithm=RSA256,keyVersion=7,signature=", sent.Headers["Signature"], StringComparison.Ordinal);
        Assert.False(sent.Headers.ContainsKey("Encrypt"));
        Assert.True(sent.SignatureMatches(FakeAlipayHk.OurKey));
        Assert.Equal(SynchronizeResultKind.Succeeded, result.Kind);
    }

    [Fact]
    public async Task A_signed_success_succeeds_with_template_and_tracer_id()
    {
        var response = _gateway.Signed("""
            {"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMsg":"fine"},"templateCode":"T1","templateStatus":"valid"}
            """);
        response.Headers.TryAddWithoutValidation("Tracer-Id", "trace1");
        var result = await SendAsync(response);
        Assert.Equal(
            new SynchronizeResult(SynchronizeResultKind.Succeeded, "SUCCESS", "fine")
            {
                HttpStatus = 200,
                Verification = SignatureVerification.Valid,
                TracerId = "trace1",
                TemplateCode = "T1",
                TemplateStatus = "valid",
            },
            result);
    }

    [Fact]
    public async Task Reads_the_tracer_id_from_the_alternative_header()
    {
        var response = FakeAlipayHk.Unsigned(FakeAlipayHk.Result("SYSTEM_ERROR", "U"));
        response.Headers.TryAddWithoutValidation("tracerId", "trace2");
        Assert.Equal("trace2", (await SendAsync(response)).TracerId);
    }

    [Theory]
    [InlineData("CONTENT_RISKY", "F", SynchronizeResultKind.Rejected)]
    [InlineData("PARAM_ILLEGAL", "F", SynchronizeResultKind.Rejected)]
    [InlineData("NEVER_HEARD_OF", "F", SynchronizeResultKind.Rejected)]
    [InlineData("UNKNOWN_EXCEPTION", "F", SynchronizeResultKind.Retryable)]
    [InlineData("SYSTEM_ERROR", "U", SynchronizeResultKind.Retryable)]
    [InlineData("CONTENT_RISKY", "U", SynchronizeResultKind.Retryable)]
    [InlineData("NEVER_HEARD_OF", "A", SynchronizeResultKind.Retryable)]
    [InlineData("INVALID_SIGNATURE", "F", SynchronizeResultKind.ConfigurationFault)]
    public async Task The_code_of_a_signed_response_decides_and_there_is_no_immediate_retry(string code, string status, SynchronizeResultKind kind)
    {
        var result = await SendAsync(_gateway.Signed(FakeAlipayHk.Result(code, status)));
        Assert.Equal((kind, code, "said so"), (result.Kind, result.Code, result.Message));
        Assert.Single(_gateway.Sent);
    }

    [Theory]
    [InlineData("SUCCESS", "S", SynchronizeResultKind.Retryable, ClientCodes.UnsignedSuccess)]
    [InlineData("NEVER_HEARD_OF", "S", SynchronizeResultKind.Retryable, ClientCodes.UnclearResult)]
    [InlineData("CONTENT_RISKY", "F", SynchronizeResultKind.Retryable, "CONTENT_RISKY")]
    [InlineData("PARAM_ILLEGAL", "F", SynchronizeResultKind.Retryable, "PARAM_ILLEGAL")]
    [InlineData("NEVER_HEARD_OF", "F", SynchronizeResultKind.Retryable, "NEVER_HEARD_OF")]
    [InlineData("SYSTEM_ERROR", "U", SynchronizeResultKind.Retryable, "SYSTEM_ERROR")]
    [InlineData("SUCCESS", "F", SynchronizeResultKind.Retryable, ClientCodes.UnclearResult)]
    [InlineData("INVALID_SIGNATURE", "F", SynchronizeResultKind.ConfigurationFault, "INVALID_SIGNATURE")]
    [InlineData("INVALID_CLIENT", "F", SynchronizeResultKind.ConfigurationFault, "INVALID_CLIENT")]
    public async Task An_unsigned_response_is_only_a_diagnosis(string code, string status, SynchronizeResultKind kind, string expected)
    {
        var result = await SendAsync(FakeAlipayHk.Unsigned(FakeAlipayHk.Result(code, status)));
        Assert.Equal((kind, expected, SignatureVerification.Unsigned), (result.Kind, result.Code, result.Verification));
    }

    [Theory]
    [InlineData("DONE_OTHERWISE", "S")]
    [InlineData("CONTENT_RISKY", "S")]
    [InlineData("INVALID_SIGNATURE", "S")]
    [InlineData("SUCCESS", "F")]
    [InlineData("SUCCESS", "U")]
    public async Task A_signed_response_whose_code_contradicts_its_status_is_retried(string code, string status)
    {
        var result = await SendAsync(_gateway.Signed(FakeAlipayHk.Result(code, status)));
        Assert.Equal(
            (SynchronizeResultKind.Retryable, ClientCodes.UnclearResult, $"resultCode {code} contradicts resultStatus {status}."),
            (result.Kind, result.Code, result.Message));
    }

    [Theory]
    [InlineData("Signature")]
    [InlineData("Response-Time")]
    public async Task A_half_signed_success_is_retried(string missing)
    {
        var response = _gateway.Signed(FakeAlipayHk.SuccessJson);
        response.Headers.Remove(missing);
        var result = await SendAsync(response);
        Assert.Equal(
            (SynchronizeResultKind.Retryable, ClientCodes.IncompleteResponseSignature, SignatureVerification.Incomplete),
            (result.Kind, result.Code, result.Verification));
    }

    [Theory]
    [InlineData("SUCCESS", "S")]
    [InlineData("CONTENT_RISKY", "F")]
    [InlineData("INVALID_SIGNATURE", "F")]
    public async Task A_forged_response_is_always_retried(string code, string status)
    {
        using var forger = RSA.Create(2048);
        var result = await SendAsync(_gateway.Signed(FakeAlipayHk.Result(code, status), key: forger));
        Assert.Equal(
            (SynchronizeResultKind.Retryable, ClientCodes.InvalidResponseSignature, SignatureVerification.Invalid),
            (result.Kind, result.Code, result.Verification));
    }

    [Fact]
    public async Task A_response_changed_in_transit_is_retried()
    {
        var result = await SendAsync(_gateway.Signed(FakeAlipayHk.SuccessJson, signedBody: FakeAlipayHk.Result("CONTENT_RISKY", "F")));
        Assert.Equal((SynchronizeResultKind.Retryable, ClientCodes.InvalidResponseSignature), (result.Kind, result.Code));
    }

    [Fact]
    public async Task An_old_genuine_response_is_retried_and_our_request_may_take_effect_later()
    {
        var old = _gateway.Signed(FakeAlipayHk.SuccessJson);
        _gateway.Time.Advance(TimeSpan.FromDays(40));
        var result = await SendAsync(old);
        Assert.Equal(
            (SynchronizeResultKind.Retryable, ClientCodes.OutdatedResponse, SignatureVerification.Outdated, true),
            (result.Kind, result.Code, result.Verification, result.MayTakeEffectLater));
        Assert.Contains("2026-03-01T12:00:00+00:00", result.Message, StringComparison.Ordinal);
        Assert.Contains("2026-04-10T12:00:00+00:00", result.Message, StringComparison.Ordinal);
        Assert.Single(_gateway.Sent);
    }

    [Fact]
    public async Task Compares_the_response_with_its_own_request_and_the_configured_tolerance()
    {
        _gateway.Options.ResponseTimeTolerance = TimeSpan.FromSeconds(20);
        var early = _gateway.Signed(FakeAlipayHk.SuccessJson);
        _gateway.Time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal("SUCCESS", (await SendAsync(early)).Code);

        // The time of the first request does not count: the second one is signed after the response.
        early = _gateway.Signed(FakeAlipayHk.SuccessJson);
        _gateway.Then((_, _) =>
        {
            _gateway.Time.Advance(TimeSpan.FromSeconds(13));
            return Task.FromResult(FakeAlipayHk.Unsigned("", 503));
        });
        _gateway.Time.Advance(TimeSpan.FromSeconds(13));
        Assert.Equal(ClientCodes.OutdatedResponse, (await SendAsync(early)).Code);
    }

    [Fact]
    public async Task Every_other_signature_fault_has_its_own_code()
    {
        var unknownKey = await SendAsync(_gateway.Signed(FakeAlipayHk.SuccessJson, keyVersion: "2"));
        Assert.Equal(ClientCodes.UnknownResponseKeyVersion, unknownKey.Code);
        var unsupported = await SendAsync(WithSignature("algorithm=ECC224,keyVersion=1,signature=AAAA"));
        Assert.Equal(ClientCodes.UnsupportedResponseAlgorithm, unsupported.Code);
        Assert.Equal(ClientCodes.InvalidResponseSignature, (await SendAsync(WithSignature("garbage"))).Code);
    }

    [Theory]
    [InlineData("")]
    [InlineData("OK")]
    [InlineData("{}")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS"}}""")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"},"result":{"resultCode":"PROCESS_FAIL","resultStatus":"F"}}""")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S","resultStatus":"S"}}""")]
    public async Task A_signed_response_without_a_result_is_malformed_and_retried(string body)
    {
        var result = await SendAsync(_gateway.Signed(body));
        Assert.Equal((SynchronizeResultKind.Retryable, ClientCodes.MalformedResponse), (result.Kind, result.Code));
    }

    [Fact]
    public async Task Stops_reading_a_response_that_exceeds_the_limit()
    {
        _gateway.Options.MaxResponseBytes = 1024;
        var fits = FakeAlipayHk.SuccessJson.PadRight(1024);
        Assert.Equal("SUCCESS", (await SendAsync(_gateway.Signed(fits))).Code);
        var result = await SendAsync(_gateway.Signed(fits + " "));
        Assert.Equal((SynchronizeResultKind.Retryable, ClientCodes.ResponseTooLarge, null), (result.Kind, result.Code, result.Verification));
    }

    [Fact]
    public async Task Reads_a_response_larger_than_the_first_buffer()
    {
        var result = await SendAsync(_gateway.Signed(FakeAlipayHk.SuccessJson.PadRight(60_000)));
        Assert.Equal(SynchronizeResultKind.Succeeded, result.Kind);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(307)]
    public async Task A_redirect_is_a_configuration_fault_and_is_not_followed(int status)
    {
        var response = FakeAlipayHk.Unsigned("", status);
        response.Headers.Location = new Uri("https://elsewhere.example/");
        var result = await SendAsync(response);
        Assert.Equal((SynchronizeResultKind.ConfigurationFault, ClientCodes.Redirected), (result.Kind, result.Code));
        Assert.Single(_gateway.Sent);
    }

    [Theory]
    [InlineData(401, SynchronizeResultKind.ConfigurationFault)]
    [InlineData(403, SynchronizeResultKind.ConfigurationFault)]
    [InlineData(404, SynchronizeResultKind.ConfigurationFault)]
    [InlineData(405, SynchronizeResultKind.ConfigurationFault)]
    [InlineData(415, SynchronizeResultKind.ConfigurationFault)]
    [InlineData(400, SynchronizeResultKind.Retryable)]
    [InlineData(413, SynchronizeResultKind.Retryable)]
    [InlineData(429, SynchronizeResultKind.Retryable)]
    public async Task The_status_decides_without_a_signature_and_a_result_and_there_is_no_immediate_retry(int status, SynchronizeResultKind kind)
    {
        var result = await SendAsync(FakeAlipayHk.Unsigned("<html>no</html>", status));
        Assert.Equal((kind, ClientCodes.HttpStatus, status), (result.Kind, result.Code, result.HttpStatus));
        Assert.Single(_gateway.Sent);
    }

    [Fact]
    public async Task A_signed_4xx_without_a_result_is_a_rejection()
    {
        Assert.Equal(SynchronizeResultKind.Rejected, (await SendAsync(_gateway.Signed("no", 400))).Kind);
    }

    [Fact]
    public async Task The_code_takes_precedence_over_the_HTTP_status_but_success_needs_200()
    {
        Assert.Equal("CONTENT_RISKY", (await SendAsync(_gateway.Signed(FakeAlipayHk.Result("CONTENT_RISKY", "F"), 400))).Code);
        Assert.Equal(SynchronizeResultKind.Rejected, (await SendAsync(_gateway.Signed(FakeAlipayHk.Result("CONTENT_RISKY", "F"), 500))).Kind);
        var result = await SendAsync(_gateway.Signed(FakeAlipayHk.SuccessJson, 500));
        Assert.Equal((SynchronizeResultKind.Retryable, ClientCodes.HttpStatus), (result.Kind, result.Code));
        Assert.Equal(SynchronizeResultKind.Retryable, (await SendAsync(_gateway.Signed(FakeAlipayHk.SuccessJson, 202))).Kind);
        Assert.Equal(4, _gateway.Sent.Count);
    }

    [Theory]
    [InlineData(408)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task A_5xx_or_408_without_a_result_is_retried_immediately_with_a_fresh_time_and_signature(int status)
    {
        _gateway.Then(FakeAlipayHk.Unsigned("", status)).Then((_, _) =>
        {
            _gateway.Time.Advance(TimeSpan.FromSeconds(3));
            return Task.FromResult(FakeAlipayHk.Unsigned("busy", status));
        }).Then((_, _) => Task.FromResult(_gateway.Signed(FakeAlipayHk.SuccessJson)));
        var result = await SendAsync(FakeAlipayHk.Body());
        Assert.Equal(SynchronizeResultKind.Succeeded, result.Kind);
        Assert.Equal(3, _gateway.Sent.Count);
        Assert.All(_gateway.Sent, sent => Assert.True(sent.SignatureMatches(FakeAlipayHk.OurKey)));
        Assert.All(_gateway.Sent, sent => Assert.Equal(_gateway.Sent[0].Body, sent.Body));
        Assert.NotEqual(_gateway.Sent[1].Headers["Request-Time"], _gateway.Sent[2].Headers["Request-Time"]);
        Assert.NotEqual(_gateway.Sent[1].Headers["Signature"], _gateway.Sent[2].Headers["Signature"]);
    }

    [Fact]
    public async Task Immediate_retries_stop_at_their_limit()
    {
        _gateway.Always = (_, _) => Task.FromResult(FakeAlipayHk.Unsigned("", 502));
        var result = await SendAsync(FakeAlipayHk.Body());
        Assert.Equal((SynchronizeResultKind.Retryable, ClientCodes.HttpStatus, 502), (result.Kind, result.Code, result.HttpStatus));
        Assert.Equal(1 + _gateway.Options.ImmediateRetries, _gateway.Sent.Count);
    }

    [Fact]
    public async Task Without_immediate_retries_there_is_one_request()
    {
        _gateway.Options.ImmediateRetries = 0;
        await SendAsync(FakeAlipayHk.Unsigned("", 502));
        Assert.Single(_gateway.Sent);
    }

    [Fact]
    public async Task A_5xx_with_a_result_is_not_retried_immediately()
    {
        var result = await SendAsync(FakeAlipayHk.Unsigned(FakeAlipayHk.Result("UNKNOWN_EXCEPTION", "F"), 500));
        Assert.Equal("UNKNOWN_EXCEPTION", result.Code);
        Assert.Single(_gateway.Sent);
    }

    [Theory]
    [InlineData(429, "17", 17)]
    [InlineData(503, "120", 120)]
    [InlineData(503, "Sun, 01 Mar 2026 12:01:30 GMT", 90)]
    [InlineData(503, "Sun, 01 Mar 2026 11:00:00 GMT", 0)]
    [InlineData(503, "999999999", 86400)]
    public async Task Retry_After_prevents_an_immediate_retry(int status, string header, int seconds)
    {
        var response = FakeAlipayHk.Unsigned("", status);
        response.Headers.TryAddWithoutValidation("Retry-After", header);
        var result = await SendAsync(response);
        Assert.Equal((SynchronizeResultKind.Retryable, TimeSpan.FromSeconds(seconds)), (result.Kind, result.RetryAfter));
        Assert.Single(_gateway.Sent);
    }

    [Theory]
    [InlineData("soon")]
    [InlineData("-5")]
    [InlineData("99999999999999")]
    public async Task An_invalid_Retry_After_is_ignored(string header)
    {
        var response = FakeAlipayHk.Unsigned("", 429);
        response.Headers.TryAddWithoutValidation("Retry-After", header);
        Assert.Null((await SendAsync(response)).RetryAfter);
    }

    [Fact]
    public async Task A_broken_connection_is_retried_immediately()
    {
        _gateway.Then(new HttpRequestException("refused", new SocketException(111))).Then(_gateway.Signed(FakeAlipayHk.SuccessJson));
        Assert.Equal(SynchronizeResultKind.Succeeded, (await SendAsync(FakeAlipayHk.Body())).Kind);
        Assert.Equal(2, _gateway.Sent.Count);
    }

    [Fact]
    public async Task A_connection_that_stays_broken_is_left_to_a_delayed_retry()
    {
        var refused = new HttpRequestException(HttpRequestError.ConnectionError, "refused");
        _gateway.Always = (_, _) => Task.FromException<HttpResponseMessage>(refused);
        var result = await SendAsync(FakeAlipayHk.Body());
        Assert.Equal((SynchronizeResultKind.Retryable, ClientCodes.ConnectionFailed, null), (result.Kind, result.Code, result.Verification));
        Assert.Contains("refused", result.Message, StringComparison.Ordinal);
        Assert.Equal(3, _gateway.Sent.Count);
    }

    [Fact]
    public async Task A_failed_TLS_handshake_names_its_cause()
    {
        var openSsl = new InvalidOperationException("error:0A000410:SSL routines::ssl/tls alert handshake failure");
        var handshake = new InvalidOperationException("SSL Handshake failed with OpenSSL error - SSL_ERROR_SSL.", openSsl);
        var authentication = new AuthenticationException("Authentication failed, see inner exception.", handshake);
        var failed = new HttpRequestException(
            HttpRequestError.SecureConnectionError, "The SSL connection could not be established, see inner exception.", authentication);
        _gateway.Always = (_, _) => Task.FromException<HttpResponseMessage>(failed);
        var result = await SendAsync(FakeAlipayHk.Body());
        Assert.Equal(ClientCodes.ConnectionFailed, result.Code);
        Assert.EndsWith($"SecureConnectionError: {handshake.Message} {openSsl.Message}", result.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/json; charset=UTF-8", null)]
    [InlineData("application/json;charset=\"utf-8\"", null)]
    [InlineData("text/plain; charset=utf8", null)]
    [InlineData("application/json", null)]
    [InlineData("not a media type", null)]
    [InlineData("application/json; charset=GBK", "GBK")]
    [InlineData("application/json; charset=\"ISO-8859-1\"", "\"ISO-8859-1\"")]
    public async Task A_signed_response_in_another_charset_is_malformed(string contentType, string? charset)
    {
        var response = _gateway.Signed(FakeAlipayHk.SuccessJson);
        response.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        var result = await SendAsync(response);
        Assert.Equal(charset is null ? "SUCCESS" : ClientCodes.MalformedResponse, result.Code);
        if (charset is not null) Assert.Contains($"names the charset {charset} instead of UTF-8", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unsigned_diagnosis_counts_in_any_charset()
    {
        var response = FakeAlipayHk.Unsigned(FakeAlipayHk.Result("INVALID_SIGNATURE", "F"));
        response.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json;charset=ISO-8859-1");
        Assert.Equal((SynchronizeResultKind.ConfigurationFault, "INVALID_SIGNATURE"), await KindAndCodeAsync(response));
    }

    [Fact]
    public async Task A_response_that_breaks_off_is_a_broken_connection()
    {
        _gateway.Always = (_, _) => Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = new StreamContent(new BreakingStream()),
        });
        Assert.Equal(ClientCodes.ConnectionFailed, (await SendAsync(FakeAlipayHk.Body())).Code);
    }

    [Fact]
    public async Task A_request_without_a_response_times_out_and_is_not_retried_immediately()
    {
        _gateway.Always = HangAsync;
        var start = _gateway.Time.GetUtcNow();
        var result = await SendAsync(FakeAlipayHk.Body());
        Assert.Equal((SynchronizeResultKind.Retryable, ClientCodes.Timeout), (result.Kind, result.Code));
        Assert.Single(_gateway.Sent);
        Assert.Equal(_gateway.Options.RequestTimeout, _cancelledAt - start);
    }

    [Fact]
    public async Task All_requests_together_end_at_the_total_timeout()
    {
        _gateway.Options.RequestTimeout = _gateway.Options.TotalTimeout = TimeSpan.FromSeconds(5);
        _gateway.Then(FakeAlipayHk.Unsigned("", 503)).Then(HangAsync);
        var start = _gateway.Time.GetUtcNow();
        Assert.Equal(ClientCodes.Timeout, (await SendAsync(FakeAlipayHk.Body())).Code);
        Assert.Equal(TimeSpan.FromSeconds(5), _cancelledAt - start);
    }

    [Fact]
    public async Task Throws_only_when_the_caller_cancels()
    {
        using var cancellation = new CancellationTokenSource();
        using var client = _gateway.Client();
        _gateway.Always = HangAsync;
        var call = client.SynchronizeAsync(FakeAlipayHk.Body(), cancellation.Token).AsTask();
        Assert.False(call.IsCompleted);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await client.SynchronizeAsync(FakeAlipayHk.Body(), cancellation.Token));
        Assert.Single(_gateway.Sent);
    }

    [Fact]
    public async Task Cancellation_ends_the_delay_before_an_immediate_retry()
    {
        using var cancellation = new CancellationTokenSource();
        using var client = _gateway.Client();
        _gateway.Then(FakeAlipayHk.Unsigned("", 503));
        var call = client.SynchronizeAsync(FakeAlipayHk.Body(), cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task Sends_nothing_without_a_signature()
    {
        var result = await SendAsync(FakeAlipayHk.Body(), new RefusingSigner());
        Assert.Equal(
            (SynchronizeResultKind.SigningUnavailable, ClientCodes.SigningUnavailable, "throttled", TimeSpan.FromSeconds(7)),
            (result.Kind, result.Code, result.Message, result.RetryAfter));
        Assert.Empty(_gateway.Sent);
    }

    [Fact]
    public async Task Sends_nothing_when_the_process_was_held_up_for_longer_than_the_total_timeout()
    {
        var result = await SendAsync(FakeAlipayHk.Body(), new FreezingSigner(_gateway, _gateway.Options.TotalTimeout));
        Assert.Equal((SynchronizeResultKind.SigningUnavailable, ClientCodes.SendBudgetSpent), (result.Kind, result.Code));
        Assert.False(result.MayTakeEffectLater);
        Assert.Empty(_gateway.Sent);
    }

    [Fact]
    public async Task A_signer_that_hangs_is_not_a_timeout_of_AlipayHK()
    {
        var result = await SendAsync(FakeAlipayHk.Body(), new HangingSigner());
        Assert.Equal((SynchronizeResultKind.SigningUnavailable, ClientCodes.SigningUnavailable), (result.Kind, result.Code));
        Assert.Empty(_gateway.Sent);
    }

    [Fact]
    public async Task Every_request_carries_a_new_request_id_if_configured()
    {
        _gateway.Options.NewRequestIdPerRequest = true;
        _gateway.Then(FakeAlipayHk.Unsigned("", 503)).Then(_gateway.Signed(FakeAlipayHk.SuccessJson));
        var result = await SendAsync(FakeAlipayHk.Body(), requestIds: new CountingIds());
        Assert.Equal($"{2:x32}", result.RequestId);
        var requestIds = _gateway.Sent.Select(sent => JsonDocument.Parse(sent.Body).RootElement.GetProperty("requestId").GetString());
        Assert.Equal([$"{1:x32}", $"{2:x32}"], requestIds);
        Assert.All(_gateway.Sent, sent => Assert.True(sent.SignatureMatches(FakeAlipayHk.OurKey)));
    }

    [Fact]
    public async Task Truncates_a_message_to_256_characters_but_never_inside_an_emoji()
    {
        var result = await SendAsync(_gateway.Signed(FakeAlipayHk.Result("PARAM_ILLEGAL", "F", new string('x', 255) + "🎬 and more")));
        Assert.Equal(new string('x', 255), result.Message);
    }

    [Fact]
    public async Task Truncates_everything_else_that_AlipayHK_sends_to_128_characters()
    {
        var huge = new string('x', 127) + "🎬" + new string('y', 33_000);
        var response = _gateway.Signed(
            $$"""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"},"templateCode":"{{huge}}","templateStatus":"{{huge}}"}""");
        response.Headers.TryAddWithoutValidation("Tracer-Id", new string('t', 33_000));
        _gateway.Options.MaxResponseBytes = 1024 * 1024;
        var result = await SendAsync(response);
        Assert.Equal(SynchronizeResultKind.Succeeded, result.Kind);
        Assert.Equal(
            (new string('t', 128), new string('x', 127), new string('x', 127)),
            (result.TracerId, result.TemplateCode, result.TemplateStatus));
    }

    [Fact]
    public async Task Truncates_what_an_unsigned_response_sends()
    {
        var response = FakeAlipayHk.Unsigned(FakeAlipayHk.Result("SYSTEM_ERROR", "U", new string('m', 33_000)));
        response.Headers.TryAddWithoutValidation("tracerId", new string('t', 33_000));
        var result = await SendAsync(response);
        Assert.Equal((128, 256), (result.TracerId!.Length, result.Message.Length));
        Assert.Equal(ClientCodes.MalformedResponse, (await SendAsync(_gateway.Signed(FakeAlipayHk.Result(new string('X', 129), "F")))).Code);
    }

    [Fact]
    public async Task Is_thread_safe()
    {
        _gateway.Always = (_, _) => Task.FromResult(_gateway.Signed(FakeAlipayHk.SuccessJson));
        using var signer = RsaRequestSigner.FromKeyText(FakeAlipayHk.OurKey.ExportPkcs8PrivateKeyPem(), "1", "key");
        using var gateway = new StatelessGateway(_gateway);
        using var client = AlipayHkClient.Create(_gateway.Options, signer, _gateway.Time, NullLoggerFactory.Instance, gateway);
        await Parallel.ForAsync(0, 64, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (_, cancellationToken) =>
            Assert.Equal(SynchronizeResultKind.Succeeded, (await client.SynchronizeAsync(FakeAlipayHk.Body(), cancellationToken)).Kind));
    }

    private async Task<(SynchronizeResultKind Kind, string Code)> KindAndCodeAsync(HttpResponseMessage response)
    {
        var result = await SendAsync(response);
        return (result.Kind, result.Code);
    }

    private Task<SynchronizeResult> SendAsync(HttpResponseMessage response)
    {
        _gateway.Then(response);
        return SendAsync(FakeAlipayHk.Body());
    }

    private async Task<SynchronizeResult> SendAsync(ReadOnlyMemory<byte> body, IRequestSigner? signer = null, RequestIdSource? requestIds = null)
    {
        var client = _gateway.Client(signer, requestIds: requestIds);
        var call = client.SynchronizeAsync(body, CancellationToken.None).AsTask();
        for (var i = 0; i < 10_000 && !call.IsCompleted; i++)
        {
            _gateway.Time.Advance(TimeSpan.FromMilliseconds(100));

            // The client resumes on other threads; without this delay, the fake clock would outrun them.
            await Task.Delay(1);
        }

        return await call;
    }

    private HttpResponseMessage WithSignature(string header)
    {
        var response = _gateway.Signed(FakeAlipayHk.SuccessJson);
        response.Headers.Remove("Signature");
        response.Headers.TryAddWithoutValidation("Signature", header);
        return response;
    }

    private async Task<HttpResponseMessage> HangAsync(SentRequest request, CancellationToken cancellationToken)
    {
        cancellationToken.Register(() => _cancelledAt = _gateway.Time.GetUtcNow());
        await Task.Delay(Timeout.Infinite, cancellationToken);
        throw new InvalidOperationException("An infinite delay ended.");
    }

    private sealed class StatelessGateway(FakeAlipayHk gateway) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            await Task.Yield();
            return gateway.Signed(FakeAlipayHk.SuccessJson);
        }
    }

    private sealed class RefusingSigner : IRequestSigner
    {
        public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken) =>
            throw new SigningUnavailableException("throttled", TimeSpan.FromSeconds(7));
    }

    private sealed class FreezingSigner(FakeAlipayHk gateway, TimeSpan duration) : IRequestSigner
    {
        private readonly FixedKeySigner _signer = new(FakeAlipayHk.OurKey);

        public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
        {
            gateway.Time.Advance(duration);
            return _signer.SignAsync(sha256, CancellationToken.None);
        }
    }

    private sealed class HangingSigner : IRequestSigner
    {
        public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return default;
        }
    }

    private sealed class CountingIds : RequestIdSource
    {
        private int _count;

        public override string Create() => $"{Interlocked.Increment(ref _count):x32}";
    }

    private sealed class BreakingStream : MemoryStream
    {
        private bool _broken;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_broken) throw new IOException("reset by peer");
            _broken = true;
            return ValueTask.FromResult(Encoding.UTF8.GetBytes("{\"resultInfo\":", buffer.Span));
        }
    }
}
