using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ContentSync.Simulator;
using static ContentSync.Tests.Simulator.TestCaller;

namespace ContentSync.Tests.Simulator;

public sealed class GatewayEncryptionTests
{
    [Theory]
    [InlineData("pkcs1", false, 32)]
    [InlineData("pkcs1", true, 16)]
    [InlineData("oaep", false, 24)]
    public async Task Reads_an_encrypted_body_and_responds_encrypted_and_signed(string padding, bool urlSafe, int keyBytes)
    {
        var wrap = padding == "oaep" ? RSAEncryptionPadding.OaepSHA256 : RSAEncryptionPadding.Pkcs1;
        await using var caller = await StartAsync(Options with { Encryption = new GatewayEncryption { KeyWrap = wrap, UrlSafeBase64 = urlSafe } });
        using var aes = Aes.Create();
        aes.Key = RandomNumberGenerator.GetBytes(keyBytes);

        var response = await caller.SendAsync(Body("sku-1"), parts => Encrypt(parts, aes, wrap, caller.Gateway.PublicKey, urlSafe));

        Assert.True(IsSigned(response));
        Assert.Equal("text/plain; charset=UTF-8", response.ContentHeaders.ContentType?.ToString());
        var symmetricKey = response.Header("Encrypt")!.Split("symmetricKey=")[1];
        using var fresh = Aes.Create();
        fresh.Key = caller.Key.Decrypt(Convert.FromBase64String(Uri.UnescapeDataString(symmetricKey)), wrap);
        var text = Encoding.ASCII.GetString(response.Body);
        var plain = fresh.DecryptEcb(urlSafe ? Base64Url.DecodeFromChars(text) : Convert.FromBase64String(text), PaddingMode.PKCS7);
        Assert.Equal("SUCCESS", JsonDocument.Parse(plain).RootElement.GetProperty("resultInfo").GetProperty("resultCode").GetString());
        Assert.NotEqual(aes.Key, fresh.Key);
        Assert.True(caller.Gateway.Snapshot().ContainsKey("sku-1"));
    }

    [Theory]
    [InlineData("algorithm=RSA,keyVersion=1,symmetricKey=AAAA", "algorithm")]
    [InlineData("algorithm=RSA_AES,keyVersion=1", "symmetricKey")]
    [InlineData("algorithm=RSA_AES,keyVersion=1,symmetricKey=AAAA", "decrypted")]
    [InlineData("RSA_AES", "pairs")]
    public async Task Says_what_is_wrong_with_an_encrypt_header(string header, string named)
    {
        await using var caller = await StartAsync();

        var response = await caller.SendAsync(Body(), parts => (parts.Encrypt, parts.ContentType) = (header, "text/plain; charset=UTF-8"));

        Assert.Equal("PARAM_ILLEGAL", response.Code);
        Assert.Contains(named, response.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_encryption_that_was_not_agreed()
    {
        await using var caller = await StartAsync(Options with { Encryption = null });
        using var aes = Aes.Create();

        var response = await caller.SendAsync(
            Body(), parts => Encrypt(parts, aes, RSAEncryptionPadding.Pkcs1, caller.Gateway.PublicKey, urlSafe: false));

        Assert.Equal("PARAM_ILLEGAL", response.Code);
        Assert.Empty(caller.Gateway.Snapshot());
    }

    [Fact]
    public async Task Recognizes_the_same_body_in_two_different_ciphertexts()
    {
        await using var caller = await StartAsync();
        var body = Body("sku-1", requestId: "same");
        using var first = Aes.Create();
        using var second = Aes.Create();

        await caller.SendAsync(body, parts => Encrypt(parts, first, RSAEncryptionPadding.Pkcs1, caller.Gateway.PublicKey, urlSafe: false));
        await caller.SendAsync(body, parts => Encrypt(parts, second, RSAEncryptionPadding.Pkcs1, caller.Gateway.PublicKey, urlSafe: false));

        Assert.Equal(0, caller.Gateway.Stats.ReusedRequestIds);
        Assert.Equal(2, caller.Gateway.Snapshot()["sku-1"].Calls);
    }

    private static void Encrypt(Parts parts, Aes aes, RSAEncryptionPadding wrap, string publicKey, bool urlSafe)
    {
        using var alipayHk = RSA.Create();
        alipayHk.ImportSubjectPublicKeyInfo(Convert.FromBase64String(publicKey), out _);
        var cipher = aes.EncryptEcb(parts.Body, PaddingMode.PKCS7);
        parts.Body = Encoding.ASCII.GetBytes(urlSafe ? Base64Url.EncodeToString(cipher) : Convert.ToBase64String(cipher));
        var symmetricKey = Uri.EscapeDataString(Convert.ToBase64String(alipayHk.Encrypt(aes.Key, wrap)));
        parts.Encrypt = $"algorithm=RSA_AES,keyVersion=1,symmetricKey={symmetricKey}";
        parts.ContentType = "text/plain; charset=UTF-8";
    }
}
