using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Signing;
using CsCheck;

namespace ContentSync.Tests.Signing;

public sealed class RsaRequestSignerTests : IDisposable
{
    private readonly RSA _key = RSA.Create(2048);
    private readonly RsaRequestSigner _signer;

    public RsaRequestSignerTests() => _signer = RsaRequestSigner.FromKeyText(_key.ExportPkcs8PrivateKeyPem(), "3", "Key:File");

    public void Dispose()
    {
        _signer.Dispose();
        _key.Dispose();
    }

    [Fact]
    public async Task Returns_its_keyVersion_and_a_signature_that_the_public_key_verifies()
    {
        var hash = SHA256.HashData("text"u8);
        var signature = await _signer.SignAsync(hash, CancellationToken.None);
        Assert.Equal("3", signature.KeyVersion);
        Assert.True(_key.VerifyHash(hash, signature.Value.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    [Fact]
    public void A_signature_verifies_for_its_digest_and_no_other() => Gen.Byte.Array[32].Sample(hash =>
    {
        var signature = _signer.SignAsync(hash, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        var verifies = _key.VerifyHash(hash, signature.Value.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        hash[0] ^= 1;
        return verifies && !_key.VerifyHash(hash, signature.Value.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }, iter: 50);

    [Fact]
    public async Task Is_thread_safe()
    {
        var hash = SHA256.HashData("text"u8);
        var expected = _key.SignHash(hash, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        await Parallel.ForAsync(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (_, cancellationToken) =>
        {
            var signature = await _signer.SignAsync(hash, cancellationToken);
            Assert.Equal(expected, signature.Value.ToArray());
        });
    }

    [OpenSslFact]
    public async Task Creates_the_same_signature_as_openssl()
    {
        const string text = "POST /api/open/alipay/v1/content/synchronize\nid.2024-05-22T06:42:21+05:30.{\"name\":\"凍檸茶 🎬\"}";
        var keyFile = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(keyFile, _key.ExportPkcs8PrivateKeyPem());
            var expected = await OpenSslAsync(text, "dgst", "-sha256", "-sign", keyFile);
            var signature = await _signer.SignAsync(SHA256.HashData(Encoding.UTF8.GetBytes(text)), CancellationToken.None);
            Assert.Equal(expected, signature.Value.ToArray());
        }
        finally
        {
            File.Delete(keyFile);
        }
    }

    [Fact]
    public async Task Throws_if_it_is_already_cancelled() =>
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await _signer.SignAsync(new byte[32], new CancellationToken(canceled: true)));

    [Theory]
    [InlineData("")]
    [InlineData("1,2")]
    [InlineData("1\r\n")]
    public void Refuses_a_keyVersion_that_is_not_valid_in_a_header(string keyVersion) =>
        Assert.Throws<ArgumentException>(() => new RsaRequestSigner(_key, keyVersion));

    [Fact]
    public void Refuses_a_short_key()
    {
        using var small = RSA.Create(1024);
        var refused = Assert.Throws<ArgumentException>(() => new RsaRequestSigner(small, "1"));
        Assert.Contains("1024 bits", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unwraps_only_keys_that_were_wrapped_for_its_own_key()
    {
        var secret = RandomNumberGenerator.GetBytes(32);
        var wrapped = _key.Encrypt(secret, RSAEncryptionPadding.OaepSHA256);
        Assert.Equal(secret, await _signer.UnwrapAsync(wrapped, RSAEncryptionPadding.OaepSHA256, CancellationToken.None));
        Assert.Null(await _signer.UnwrapAsync(wrapped.AsMemory(1), RSAEncryptionPadding.OaepSHA256, CancellationToken.None));
        Assert.Null(await _signer.UnwrapAsync(wrapped, RSAEncryptionPadding.OaepSHA1, CancellationToken.None));
    }

    private static async Task<byte[]> OpenSslAsync(string input, params string[] arguments)
    {
        var start = new ProcessStartInfo("openssl", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true };
        using var openssl = Process.Start(start)!;
        await openssl.StandardInput.BaseStream.WriteAsync(Encoding.UTF8.GetBytes(input));
        openssl.StandardInput.Close();
        using var output = new MemoryStream();
        await openssl.StandardOutput.BaseStream.CopyToAsync(output);
        await openssl.WaitForExitAsync();
        Assert.Equal(0, openssl.ExitCode);
        return output.ToArray();
    }
}

/// <summary>Skips the test, with a reason, on a machine without the openssl program.</summary>
internal sealed class OpenSslFactAttribute : FactAttribute
{
    public OpenSslFactAttribute()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        var exists = folders.Any(folder => File.Exists(Path.Combine(folder, "openssl")) || File.Exists(Path.Combine(folder, "openssl.exe")));
        if (!exists) Skip = "The openssl program is not in the PATH.";
    }
}
