using System.Security.Cryptography;
using System.Text;
using ContentSync.Http.Webhooks;
using CsCheck;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Http;

public sealed class WebhookVerifierTests
{
    // The published vector of the Standard Webhooks reference libraries. To reproduce it:
    // printf 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}' | openssl dgst -sha256 -mac HMAC -binary \
    //   -macopt hexkey:$(printf MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw | base64 -d | xxd -p -c 99) | base64
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    private const string Timestamp = "1614265330";
    private const string Signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    private static readonly byte[] Body = """{"test": 2432232314}"""u8.ToArray();

    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeSeconds(1614265330));

    [Theory]
    [InlineData(Signature)]
    [InlineData("v1,bm9wZQ== " + Signature)]
    [InlineData("v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg== " + Signature)]
    [InlineData(Signature + " v2,x")]
    public void Accepts_the_published_vector(string signatures) =>
        Assert.Equal(WebhookVerification.Valid, Verify(signatures: signatures));

    [Fact]
    public void Accepts_a_secret_without_its_prefix() => Assert.Equal(WebhookVerification.Valid, Verify(Verifier(Secret[6..])));

    [Fact]
    public void Accepts_an_old_and_a_new_secret_side_by_side()
    {
        var fresh = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        Assert.Equal(WebhookVerification.Valid, Verify(Verifier(fresh, Secret)));
        Assert.Equal(WebhookVerification.Valid, Verify(Verifier(Secret, fresh)));
        Assert.Equal(WebhookVerification.InvalidSignature, Verify(Verifier(fresh)));
    }

    [Theory]
    [InlineData("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=")]
    [InlineData("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
    [InlineData("v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
    [InlineData("v1,")]
    [InlineData("v1,g0hM9SsE")]
    [InlineData("v1,****")]
    [InlineData(",")]
    [InlineData(" ")]
    public void Rejects_other_signatures(string signatures) =>
        Assert.Equal(WebhookVerification.InvalidSignature, Verify(signatures: signatures));

    [Fact]
    public void Rejects_a_message_that_was_modified_after_signing()
    {
        Assert.Equal(WebhookVerification.InvalidSignature, Verifier(Secret).Verify(Id, Timestamp, Signature, """{"test": 2432232315}"""u8));
        Assert.Equal(WebhookVerification.InvalidSignature, Verifier(Secret).Verify(Id, Timestamp, Signature, """{"test":2432232314}"""u8));
        Assert.Equal(WebhookVerification.InvalidSignature, Verify(id: "msg_other"));
        Assert.Equal(WebhookVerification.InvalidSignature, Verify(timestamp: "1614265331"));
        Assert.Equal(WebhookVerification.InvalidSignature, Verify(timestamp: "01614265330"));
    }

    [Theory]
    [InlineData(300, WebhookVerification.Valid)]
    [InlineData(301, WebhookVerification.TooOld)]
    [InlineData(-300, WebhookVerification.Valid)]
    [InlineData(-301, WebhookVerification.TooNew)]
    public void Accepts_timestamps_within_five_minutes_of_the_clock(int secondsLater, WebhookVerification expected)
    {
        var time = new FakeTimeProvider(DateTimeOffset.FromUnixTimeSeconds(1614265330 + secondsLater));
        Assert.Equal(expected, Verify(new WebhookVerifier(new WebhookOptions { Secrets = { Secret } }, time)));
    }

    [Theory]
    [InlineData(null, Timestamp, Signature)]
    [InlineData("", Timestamp, Signature)]
    [InlineData("a.1", Timestamp, Signature)]
    [InlineData("a\nb", Timestamp, Signature)]
    [InlineData(Id, null, Signature)]
    [InlineData(Id, "", Signature)]
    [InlineData(Id, "-1614265330", Signature)]
    [InlineData(Id, " 1614265330", Signature)]
    [InlineData(Id, "99999999999999999999", Signature)]
    [InlineData(Id, Timestamp, null)]
    [InlineData(Id, Timestamp, "")]
    public void Rejects_missing_and_malformed_headers(string? id, string? timestamp, string? signatures) =>
        Assert.Equal(WebhookVerification.IncompleteHeaders, Verifier(Secret).Verify(id, timestamp, signatures, Body));

    [Fact]
    public void Never_throws_and_never_accepts_an_unsigned_message() =>
        Gen.Select(Gen.String, Gen.String, Gen.String, Gen.Byte.Array).Sample(
            (id, timestamp, signatures, body) => Verifier(Secret).Verify(id, timestamp, signatures, body)
                is WebhookVerification.IncompleteHeaders or WebhookVerification.InvalidSignature,
            iter: 1_000);

    [Fact]
    public void Accepts_every_signed_message() =>
        Gen.Select(Gen.Byte.Array[24, 64], Gen.Byte.Array).Sample(
            (secret, body) =>
            {
                var mac = HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes($"{Id}.{Timestamp}.").Concat(body).ToArray());
                var verifier = Verifier(Convert.ToBase64String(secret));
                return verifier.Verify(Id, Timestamp, "v1," + Convert.ToBase64String(mac), body) == WebhookVerification.Valid;
            },
            iter: 200);

    [Theory]
    [InlineData("whsec_")]
    [InlineData("whsec_c2hvcnQ=")]
    [InlineData("not base64 at all, by no means")]
    public void Rejects_a_malformed_secret_without_repeating_it(string secret)
    {
        var e = Assert.Throws<ArgumentException>(() => Verifier(Secret, secret));
        Assert.Contains("Webhook:Secrets:1", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("c2hvcnQ", e.Message, StringComparison.Ordinal);
    }

    private WebhookVerifier Verifier(params string[] secrets) => new(new WebhookOptions { Secrets = secrets }, _time);

    private WebhookVerification Verify(
        WebhookVerifier? verifier = null, string id = Id, string timestamp = Timestamp, string signatures = Signature) =>
        (verifier ?? Verifier(Secret)).Verify(id, timestamp, signatures, Body);
}
