using System.Security.Cryptography;
using System.Text;
using ContentSync.AlipayHk;
using ContentSync.Signing;

namespace ContentSync.Tests.AlipayHk;

public sealed class BodyEncryptionTests : IDisposable
{
    private const string Header = "algorithm=RSA_AES,keyVersion=1,symmetricKey=AAAA";

    private readonly FakeAlipayHk _gateway = new();
    private readonly RSA _ourKey = RSA.Create(2048);
    private readonly RsaRequestSigner _signer;

    public BodyEncryptionTests()
    {
        _gateway.Options.Encryption.Enabled = true;
        _signer = new RsaRequestSigner(_ourKey, "1");
    }

    public void Dispose()
    {
        _gateway.Dispose();
        _signer.Dispose();
    }

    [Theory]
    [InlineData(KeyWrapPadding.Pkcs1, Base64Alphabet.Standard, 256)]
    [InlineData(KeyWrapPadding.OaepSha1, Base64Alphabet.Url, 128)]
    [InlineData(KeyWrapPadding.OaepSha256, Base64Alphabet.Standard, 192)]
    public async Task AlipayHK_can_verify_and_decrypt_a_request(KeyWrapPadding wrap, Base64Alphabet alphabet, int bits)
    {
        _gateway.Options.Encryption = new EncryptionOptions { Enabled = true, KeyWrap = wrap, Alphabet = alphabet, AesKeyBits = bits };
        _gateway.Then(_gateway.Signed(FakeAlipayHk.SuccessJson));
        using var client = _gateway.Client();
        await client.SynchronizeAsync(FakeAlipayHk.Body(), CancellationToken.None);

        var sent = Assert.Single(_gateway.Sent);
        Assert.True(sent.SignatureMatches(FakeAlipayHk.OurKey));
        Assert.Equal("text/plain; charset=UTF-8", sent.Headers["Content-Type"]);
        const string start = "algorithm=RSA_AES,keyVersion=1,symmetricKey=";
        Assert.StartsWith(start, sent.Headers["Encrypt"], StringComparison.Ordinal);
        var padding = wrap switch
        {
            KeyWrapPadding.OaepSha1 => RSAEncryptionPadding.OaepSHA1,
            KeyWrapPadding.OaepSha256 => RSAEncryptionPadding.OaepSHA256,
            _ => RSAEncryptionPadding.Pkcs1,
        };
        var wrapped = Convert.FromBase64String(Uri.UnescapeDataString(sent.Headers["Encrypt"][start.Length..]));
        var key = FakeAlipayHk.GatewayKey.Decrypt(wrapped, padding);
        Assert.Equal(bits / 8, key.Length);
        var text = Encoding.ASCII.GetString(sent.Body);
        if (alphabet == Base64Alphabet.Url) Assert.Matches("^[A-Za-z0-9_-]+$", text);
        Assert.Equal(FakeAlipayHk.Body().ToArray(), Decrypt(text, key));
    }

    [Fact]
    public async Task Encrypts_each_request_with_a_fresh_key()
    {
        _gateway.Always = (_, _) => Task.FromResult(_gateway.Signed(FakeAlipayHk.SuccessJson));
        using var client = _gateway.Client();
        await client.SynchronizeAsync(FakeAlipayHk.Body(), CancellationToken.None);
        await client.SynchronizeAsync(FakeAlipayHk.Body(), CancellationToken.None);
        Assert.NotEqual(_gateway.Sent[0].Body, _gateway.Sent[1].Body);
    }

    [Fact]
    public async Task Verifies_then_decrypts_then_parses_an_encrypted_response()
    {
        _gateway.Then(EncryptedResponse(FakeAlipayHk.Result("CONTENT_RISKY", "F")));
        var result = await SendAsync(_signer);
        Assert.Equal((SynchronizeResultKind.Rejected, "CONTENT_RISKY"), (result.Kind, result.Code));
    }

    [Fact]
    public async Task Reads_a_plain_response_without_decrypting_it()
    {
        _gateway.Then(_gateway.Signed(FakeAlipayHk.SuccessJson));
        Assert.Equal(SynchronizeResultKind.Succeeded, (await SendAsync(_signer)).Kind);
    }

    [Fact]
    public async Task An_encrypted_response_is_retried_if_no_private_key_is_available()
    {
        _gateway.Then(EncryptedResponse(FakeAlipayHk.SuccessJson));
        var result = await SendAsync(new FixedKeySigner(FakeAlipayHk.OurKey));
        Assert.Equal((SynchronizeResultKind.Retryable, ClientCodes.UndecryptableResponse), (result.Kind, result.Code));
        Assert.Contains("cannot decrypt its key", result.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("algorithm=RSA,keyVersion=1,symmetricKey=AAAA")]
    [InlineData("algorithm=RSA_AES,keyVersion=1")]
    [InlineData("algorithm=RSA_AES,keyVersion=1,symmetricKey=AAAA")]
    public async Task A_response_whose_key_cannot_be_unwrapped_is_retried(string header)
    {
        _gateway.Then(EncryptedResponse(FakeAlipayHk.SuccessJson, header));
        Assert.Equal(ClientCodes.UndecryptableResponse, (await SendAsync(_signer)).Code);
    }

    [Fact]
    public async Task Does_not_decrypt_an_unsigned_response()
    {
        var response = EncryptedResponse(FakeAlipayHk.Result("INVALID_CLIENT", "F"));
        response.Headers.Remove("Signature");
        response.Headers.Remove("Response-Time");
        _gateway.Then(response);
        var result = await SendAsync(_signer);
        Assert.Equal((SynchronizeResultKind.Retryable, ClientCodes.UndecryptableResponse), (result.Kind, result.Code));
        Assert.Contains("not signed", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Decrypts_text_that_openssl_encrypted()
    {
        var vectors = SignatureVectors.Root("openssl-aes-ecb.json").GetProperty("cases").EnumerateArray().ToList();
        Assert.NotEmpty(vectors);
        using var keys = new AlipayHkKeys(_gateway.Options);
        var encryption = new BodyEncryption(new EncryptionOptions(), keys);
        foreach (var vector in vectors)
        {
            var unwrapper = new KnownKey(Convert.FromHexString(SignatureVectors.Text(vector, "key")));
            var standard = SignatureVectors.Text(vector, "cipher");
            foreach (var text in new[] { standard, standard.TrimEnd('=').Replace('+', '-').Replace('/', '_') })
            {
                var plain = await encryption.DecryptAsync(Encoding.ASCII.GetBytes(text), Header, unwrapper, CancellationToken.None);
                Assert.Equal(SignatureVectors.Text(vector, "text"), Encoding.UTF8.GetString(plain!.Value.Span));
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("not base64!")]
    [InlineData("AAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAA==")]
    public async Task Returns_null_for_text_that_is_not_ciphertext(string text)
    {
        using var keys = new AlipayHkKeys(_gateway.Options);
        var encryption = new BodyEncryption(new EncryptionOptions(), keys);
        var (key, shortKey) = (new KnownKey(new byte[16]), new KnownKey(new byte[15]));
        Assert.Null(await encryption.DecryptAsync(Encoding.ASCII.GetBytes(text), Header, key, CancellationToken.None));
        Assert.Null(await encryption.DecryptAsync("AAAA"u8.ToArray(), Header, shortKey, CancellationToken.None));
    }

    private HttpResponseMessage EncryptedResponse(string json, string? header = null)
    {
        using var aes = Aes.Create();
        aes.Mode = CipherMode.ECB;
        using var encryptor = aes.CreateEncryptor();
        var plain = Encoding.UTF8.GetBytes(json);
        var response = _gateway.Signed(Convert.ToBase64String(encryptor.TransformFinalBlock(plain, 0, plain.Length)));
        var wrapped = Uri.EscapeDataString(Convert.ToBase64String(_ourKey.Encrypt(aes.Key, RSAEncryptionPadding.Pkcs1)));
        response.Headers.TryAddWithoutValidation("Encrypt", header ?? $"algorithm=RSA_AES,keyVersion=1,symmetricKey={wrapped}");
        return response;
    }

    private async Task<SynchronizeResult> SendAsync(IRequestSigner signer)
    {
        using var client = _gateway.Client(signer);
        return await client.SynchronizeAsync(FakeAlipayHk.Body(), CancellationToken.None);
    }

    private static byte[] Decrypt(string text, byte[] key)
    {
        var standard = text.Replace('-', '+').Replace('_', '/');
        var cipher = Convert.FromBase64String(standard.PadRight((standard.Length + 3) / 4 * 4, '='));
        using var aes = Aes.Create();
        aes.Mode = CipherMode.ECB;
        aes.Key = key;
        using var decryptor = aes.CreateDecryptor();
        return decryptor.TransformFinalBlock(cipher, 0, cipher.Length);
    }

    private sealed class KnownKey(byte[] key) : IKeyUnwrapper
    {
        public ValueTask<byte[]?> UnwrapAsync(
            ReadOnlyMemory<byte> wrappedKey,
            RSAEncryptionPadding padding,
            CancellationToken cancellationToken) => ValueTask.FromResult<byte[]?>([.. key]);
    }
}
