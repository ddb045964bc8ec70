using System.Security.Cryptography;
using ContentSync.AlipayHk;

namespace ContentSync.Simulation;

/// <summary>
/// The keys of one run of the program, generated at its start and never stored; no trace depends on them. Thread-safe.
/// <para>
/// The library computes everything for real: it hashes every string to sign, and verifies every response with AlipayHK's RSA key. The
/// simulated vault and AlipayHK are cheap instead, because two private RSA operations per call would cost more than everything else. Our own
/// signature, which the library passes on without inspecting it, is a MAC as long as an RSA-2048 signature. AlipayHK signs each of its few
/// different responses once (PKCS#1 v1.5 is deterministic).
/// </para>
/// </summary>
internal sealed class SimulatedKeys : IDisposable
{
    private readonly RSA _alipayHk = RSA.Create(2048);
    private readonly RSA _unknown = RSA.Create(2048);
    private readonly byte[] _own = RandomNumberGenerator.GetBytes(SHA256.HashSizeInBytes);
    private readonly Dictionary<(SigningParty Party, string Time, string Body), string> _signed = [];
    private readonly Lock _lock = new();

    public SimulatedKeys()
    {
        Known = new AlipayHkKeyOptions { KeyVersion = "1", PublicKey = _alipayHk.ExportSubjectPublicKeyInfoPem() };
        Imported = new AlipayHkKeys(new AlipayHkOptions { PublicKeys = { Known } });
    }

    /// <summary>AlipayHK's public key, as in our settings.</summary>
    public AlipayHkKeyOptions Known { get; }

    /// <summary>The same key, imported once: importing takes as long as ten verifications, and a process starts several times a day.</summary>
    public AlipayHkKeys Imported { get; }

    /// <summary>Our signature of a digest, 256 bytes.</summary>
    public byte[] Sign(ReadOnlySpan<byte> sha256)
    {
        var signature = new byte[256];
        Span<byte> keyed = stackalloc byte[2 * SHA256.HashSizeInBytes];
        _own.CopyTo(keyed);
        sha256.CopyTo(keyed[_own.Length..]);
        Span<byte> mac = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(keyed, mac);
        for (var at = 0; at < signature.Length; at += mac.Length) mac.CopyTo(signature.AsSpan(at));
        return signature;
    }

    /// <summary>Whether the signature is ours, of this digest.</summary>
    public bool IsOwn(ReadOnlySpan<byte> sha256, ReadOnlySpan<byte> signature) => signature.SequenceEqual(Sign(sha256));

    /// <summary>The signature of a response, in base64.</summary>
    /// <param name="party">The signer.</param>
    /// <param name="time">Response-Time.</param>
    /// <param name="body">Body of the response.</param>
    /// <param name="sha256">Hashes the string to sign; called only for a response that was not signed before.</param>
    public string SignResponse(SigningParty party, string time, string body, Func<byte[]> sha256)
    {
        lock (_lock)
        {
            if (_signed.TryGetValue((party, time, body), out var known)) return known;
            var key = party == SigningParty.AlipayHk ? _alipayHk : _unknown;
            var signature = Convert.ToBase64String(key.SignHash(sha256(), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
            _signed.Add((party, time, body), signature);
            return signature;
        }
    }

    public void Dispose()
    {
        Imported.Dispose();
        _alipayHk.Dispose();
        _unknown.Dispose();
    }
}

/// <summary>The signer of a response.</summary>
internal enum SigningParty
{
    AlipayHk,

    /// <summary>A third party with an unknown key.</summary>
    Unknown,
}
