using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using ContentSync.AlipayHk;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Benchmarks.Micro;

/// <summary>The steps for one request and one response: string to sign, signature header, verification.</summary>
[MemoryDiagnoser]
public class WireBenchmarks
{
    private const string Path = "/api/open/alipay/v1/content/synchronize";
    private const string ClientId = "4Q5Y8W0WSG45P907917";
    private const string Time = "2026-03-01T12:00:00+00:00";

    private readonly byte[] _response = """{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}"""u8.ToArray();
    private readonly byte[] _hash = new byte[SHA256.HashSizeInBytes];
    private readonly StringToSign _stringToSign = new(Path, ClientId);
    private byte[] _body = [];
    private byte[] _signature = [];
    private string _header = "";
    private ResponseVerification _verification = null!;

    [GlobalSetup]
    public void SetUp()
    {
        var item = new Ratios.SampleItems().Items(1)[0];
        _body = SynchronizeRequest.Prepare(item, new RequestIdSource().Create()).ToArray();
        using var key = RSA.Create(2048);
        _stringToSign.Hash(Time, _response, _hash);
        _signature = key.SignHash(_hash, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        _header = SignatureHeader.Format("1", _signature);
        var options = new AlipayHkOptions
        {
            BaseAddress = new Uri("https://alipayhk.example.com"),
            ClientId = ClientId,
            PublicKeys = { new AlipayHkKeyOptions { PublicKey = key.ExportSubjectPublicKeyInfoPem() } },
        };
        _verification = new ResponseVerification(options, new AlipayHkKeys(options), new FixedClock(), NullLogger<ResponseVerification>.Instance);
        if (Verify() != SignatureVerification.Valid) throw new InvalidOperationException("The signature of the benchmark's own response is invalid.");
    }

    [Benchmark]
    public void HashStringToSign() => _stringToSign.Hash(Time, _body, _hash);

    [Benchmark]
    public string FormatHeader() => SignatureHeader.Format("1", _signature);

    [Benchmark]
    public bool ParseHeader() => SignatureHeader.TryParse(_header, out _) == HeaderFault.None;

    [Benchmark]
    public SignatureVerification Verify() => _verification.Check(_header, Time, ClientId, Time, _response).Verification;

    private sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    }
}
