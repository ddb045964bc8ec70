using System.Security.Cryptography;
using System.Text;
using ContentSync.AlipayHk;
using CsCheck;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.AlipayHk;

public sealed class ResponseVerificationTests
{
    public static TheoryData<string> Vectors => SignatureVectors.Names;

    private static SignatureVector Vector => SignatureVectors.Named("line breaks kept as received");

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Accepts_the_signature_of_the_vector(string name) =>
        Assert.Equal(SignatureVerification.Valid, Check(SignatureVectors.Named(name)).Verification);

    [Fact]
    public void Accepts_the_published_notification()
    {
        var vector = SignatureVectors.Root("notify-kat.json");
        var options = new AlipayHkOptions
        {
            Path = SignatureVectors.Text(vector, "signed_path"),
            ClientId = SignatureVectors.Text(vector, "client_id"),
            PublicKeys = [new AlipayHkKeyOptions { KeyVersion = "1", PublicKey = SignatureVectors.Text(vector, "public_key_spki_base64") }],
        };
        using var keys = new AlipayHkKeys(options);
        var header = "algorithm=RSA256,keyVersion=1,signature=" + SignatureVectors.Text(vector, "signature_header_value_urlencoded");
        var body = Encoding.UTF8.GetBytes(SignatureVectors.Text(vector, "body_utf8"));
        var subject = new ResponseVerification(options, keys, new FakeTimeProvider(), NullLogger<ResponseVerification>.Instance);
        Assert.Equal(SignatureVerification.Valid, subject.Check(header, Time(vector), null, Time(vector), body).Verification);
        body[^2] ^= 1;
        Assert.Equal(SignatureVerification.Invalid, subject.Check(header, Time(vector), null, Time(vector), body).Verification);
    }

    [Fact]
    public void Rejects_a_body_with_any_bit_flipped() => Gen.Select(Gen.Int[0, Vector.Body.Length - 1], Gen.Int[0, 7]).Sample((at, bit) =>
    {
        var body = Encoding.UTF8.GetBytes(Vector.Body);
        body[at] ^= (byte)(1 << bit);
        return Check(Vector, body: body).Verification == SignatureVerification.Invalid;
    }, iter: 200);

    [Fact]
    public void Rejects_a_body_with_changed_line_breaks() =>
        Assert.Equal(SignatureVerification.Invalid, Check(Vector, body: Encoding.UTF8.GetBytes(Vector.Body.ReplaceLineEndings("\n"))).Verification);

    [Fact]
    public void Rejects_a_string_to_sign_that_was_built_with_CRLF()
    {
        using var key = RSA.Create(2048);
        Assert.Equal(SignatureVerification.Invalid, CheckSigned($"POST {Vector.Path}\r\n{Vector.ClientId}.{Vector.Time}.{Vector.Body}"));
        Assert.Equal(SignatureVerification.Valid, CheckSigned(Vector.StringToSign));

        SignatureVerification CheckSigned(string stringToSign)
        {
            var signature = key.SignData(Encoding.UTF8.GetBytes(stringToSign), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            var header = SignatureHeader.Format("1", signature);
            return Check(Vector, signature: header, publicKey: key.ExportSubjectPublicKeyInfoPem()).Verification;
        }
    }

    [Fact]
    public void Rejects_another_path() =>
        Assert.Equal(SignatureVerification.Invalid, Check(Vector, path: Vector.Path + "/").Verification);

    [Fact]
    public void Rejects_a_response_for_another_Client_Id()
    {
        Assert.Equal(SignatureVerification.Invalid, Check(Vector, clientId: "SOMEONE_ELSE").Verification);
        Assert.Equal(SignatureVerification.Invalid, Check(Vector, responseClientId: "SOMEONE_ELSE").Verification);
        Assert.Equal(SignatureVerification.Valid, Check(Vector, responseClientId: null).Verification);
    }

    [Fact]
    public void Rejects_another_time() =>
        Assert.Equal(SignatureVerification.Invalid, Check(Vector, time: "2026-02-28T00:00:00.1234568Z").Verification);

    [Fact]
    public void Rejects_the_same_time_in_other_characters() =>
        Assert.Equal(SignatureVerification.Invalid, Check(Vector, time: "2026-02-28T00:00:00.1234567+00:00").Verification);

    [Fact]
    public void Rejects_a_signature_of_the_wrong_length()
    {
        var whole = Convert.FromBase64String(Vector.Signature);
        Assert.Equal(SignatureVerification.Invalid, Check(Vector, signature: SignatureHeader.Format("1", whole.AsSpan(0, 255))).Verification);
        Assert.Equal(SignatureVerification.Invalid, Check(Vector, signature: SignatureHeader.Format("1", [.. whole, 0])).Verification);
        Assert.Equal(SignatureVerification.Malformed, Check(Vector, signature: Vector.Header[..^7]).Verification);
    }

    [Fact]
    public void Distinguishes_unsigned_from_half_signed_responses()
    {
        using var verifier = new Verifier(Vector);
        var body = Encoding.UTF8.GetBytes(Vector.Body);
        Assert.Equal(SignatureVerification.Unsigned, verifier.Subject.Check(null, null, Vector.ClientId, Vector.Time, "{}"u8).Verification);
        Assert.Equal(SignatureVerification.Incomplete, verifier.Subject.Check(Vector.Header, null, Vector.ClientId, Vector.Time, body).Verification);
        Assert.Equal(SignatureVerification.Incomplete, verifier.Subject.Check(null, Vector.Time, Vector.ClientId, Vector.Time, body).Verification);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public void An_empty_Response_Time_counts_as_missing_even_if_the_signature_covers_it(string time)
    {
        using var key = RSA.Create(2048);
        var stringToSign = $"POST {Vector.Path}\n{Vector.ClientId}.{time}.{Vector.Body}";
        var signature = key.SignData(Encoding.UTF8.GetBytes(stringToSign), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var check = Check(
            Vector, signature: SignatureHeader.Format("1", signature), time: time, publicKey: key.ExportSubjectPublicKeyInfoPem());
        Assert.Equal(SignatureVerification.Incomplete, check.Verification);
    }

    [Fact]
    public void Rejects_a_response_signed_with_a_retired_key()
    {
        var check = Check(Vector, signature: SignatureHeader.Format("9", Convert.FromBase64String(Vector.Signature)));
        Assert.Equal(SignatureVerification.UnknownKeyVersion, check.Verification);
        Assert.Contains("keyVersion 9", check.Detail, StringComparison.Ordinal);
        Assert.Contains("configured: 1", check.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_ECC224_and_says_why()
    {
        var check = Check(Vector, signature: Vector.Header.Replace("RSA256", "ECC224", StringComparison.Ordinal));
        Assert.Equal(SignatureVerification.UnsupportedAlgorithm, check.Verification);
        Assert.Contains("documents neither its curve, its hash nor its signature encoding", check.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Accepts_spaces_another_order_lower_case_hex_and_a_raw_value()
    {
        var encoded = Uri.EscapeDataString(Vector.Signature);
        var lowerCase = encoded
            .Replace("%2B", "%2b", StringComparison.Ordinal)
            .Replace("%2F", "%2f", StringComparison.Ordinal)
            .Replace("%3D", "%3d", StringComparison.Ordinal);
        string[] forms =
        [
            $"algorithm=RSA256, keyVersion=1, signature={encoded}",
            $"signature={encoded},algorithm=RSA256,keyVersion=1",
            $"algorithm=rsa256,keyVersion=1,signature={lowerCase}",
            $"algorithm=RSA256,keyVersion=1,signature={Vector.Signature}",
            $"algorithm=RSA256,signature={Vector.Signature}",
        ];
        Assert.All(forms, form => Assert.Equal(SignatureVerification.Valid, Check(Vector, signature: form).Verification));
    }

    [Fact]
    public void Accepts_a_wrong_clock_and_warns_once_a_minute()
    {
        using var verifier = new Verifier(Vector);
        var body = Encoding.UTF8.GetBytes(Vector.Body);
        verifier.Time.SetUtcNow(new DateTimeOffset(2026, 2, 28, 0, 4, 59, TimeSpan.Zero));
        Assert.Equal(SignatureVerification.Valid, verifier.Subject.Check(Vector.Header, Vector.Time, null, Vector.Time, body).Verification);
        Assert.Empty(verifier.Log.Lines);
        verifier.Time.Advance(TimeSpan.FromSeconds(30));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(SignatureVerification.Valid, verifier.Subject.Check(Vector.Header, Vector.Time, null, Vector.Time, body).Verification);
        }

        Assert.Contains("-329 s from the local clock", Assert.Single(verifier.Log.Lines), StringComparison.Ordinal);
        verifier.Time.Advance(TimeSpan.FromMinutes(1));
        verifier.Subject.Check(Vector.Header, Vector.Time, null, Vector.Time, body);
        Assert.Equal(2, verifier.Log.Lines.Count);
    }

    [Fact]
    public void Never_throws_on_hostile_headers() => Gen.Select(Gen.String, Gen.String, Gen.Byte.Array).Sample(
        (signature, time, body) => Check(Vector, signature: signature, time: time, body: body).Verification
            is SignatureVerification.Incomplete
            or SignatureVerification.Malformed
            or SignatureVerification.UnsupportedAlgorithm
            or SignatureVerification.UnknownKeyVersion
            or SignatureVerification.Invalid,
        iter: 1000);

    [Theory]
    [InlineData("2026-02-28T00:04:59+00:00", SignatureVerification.Valid)]
    [InlineData("2026-02-28T08:05:00+08:00", SignatureVerification.Valid)]
    [InlineData("2026-02-28T00:05:01+00:00", SignatureVerification.Outdated)]
    [InlineData("2026-04-09T00:00:00+00:00", SignatureVerification.Outdated)]
    [InlineData("2026-01-01T00:00:00+00:00", SignatureVerification.Valid)]
    public void Refuses_a_genuine_response_that_is_earlier_than_the_request_beyond_the_tolerance(string requestTime, SignatureVerification expected)
    {
        var vector = SignatureVectors.All.Single(vector => vector.Time == "2026-02-28T00:00:00+00:00");
        Assert.Equal(expected, Check(vector, requestTime: requestTime).Verification);
    }

    [Fact]
    public void Names_both_times_and_the_setting_of_an_outdated_response()
    {
        var detail = Check(SignatureVectors.All.Single(vector => vector.Time == "1767225599123"), requestTime: "2026-03-01T12:00:00+00:00").Detail;
        Assert.Equal(
            "Response-Time 2025-12-31T23:59:59+00:00 is earlier than our Request-Time 2026-03-01T12:00:00+00:00 by more than "
                + "AlipayHk:ResponseTimeTolerance (00:05:00): this may be an old response.",
            detail);
    }

    [Fact]
    public void Refuses_a_signed_response_whose_time_cannot_be_read()
    {
        using var key = RSA.Create(2048);
        var stringToSign = $"POST {Vector.Path}\n{Vector.ClientId}.yesterday.{Vector.Body}";
        var signature = key.SignData(Encoding.UTF8.GetBytes(stringToSign), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var check = Check(
            Vector, signature: SignatureHeader.Format("1", signature), time: "yesterday", publicKey: key.ExportSubjectPublicKeyInfoPem());
        Assert.Equal(SignatureVerification.Malformed, check.Verification);
    }

    private static string Time(System.Text.Json.JsonElement vector) => SignatureVectors.Text(vector, "time");

    private static ResponseCheck Check(
        SignatureVector vector,
        string? signature = null,
        string? time = null,
        string? responseClientId = "",
        string? requestTime = null,
        byte[]? body = null,
        string? path = null,
        string? clientId = null,
        string? publicKey = null)
    {
        using var verifier = new Verifier(vector, path, clientId, publicKey);
        return verifier.Subject.Check(
            signature ?? vector.Header,
            time ?? vector.Time,
            responseClientId == "" ? clientId ?? vector.ClientId : responseClientId,
            requestTime ?? vector.Time,
            body ?? Encoding.UTF8.GetBytes(vector.Body));
    }

    private sealed class Verifier : IDisposable
    {
        private readonly AlipayHkKeys _keys;

        public Verifier(SignatureVector vector, string? path = null, string? clientId = null, string? publicKey = null)
        {
            var options = new AlipayHkOptions
            {
                Path = path ?? vector.Path,
                ClientId = clientId ?? vector.ClientId,
                PublicKeys = [new AlipayHkKeyOptions { KeyVersion = vector.KeyVersion, PublicKey = publicKey ?? SignatureVectors.PublicKey }],
            };
            _keys = new AlipayHkKeys(options);
            Subject = new ResponseVerification(options, _keys, Time, Log);
        }

        public FakeTimeProvider Time { get; } = new();

        public ListLogger Log { get; } = new();

        public ResponseVerification Subject { get; }

        public void Dispose() => _keys.Dispose();
    }

    private sealed class ListLogger : ILogger<ResponseVerification>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception));
    }
}
