using ContentSync.Signing;

namespace ContentSync.Tests.Signing;

public sealed class WebhookSignatureTests
{
    // The published vector of the Standard Webhooks reference libraries; WebhookVerifierTests names the openssl command that reproduces it.
    [Fact]
    public void Equals_the_published_vector() => Assert.Equal(
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        WebhookSignature.HeaderValue(
            WebhookSignature.ReadSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")!,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            """{"test": 2432232314}"""u8));
}
