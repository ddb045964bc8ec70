using System.Security.Cryptography;
using ContentSync.AlipayHk;

namespace ContentSync.Simulation;

/// <summary>
/// The keys of one run of the program, made at its start and never written down; no trace depends on them. Thread-safe.
/// <para>
/// What the library computes is computed for real: it hashes every string to sign, and verifies every answer with the partner's
/// RSA key. What only the simulated vault and the simulated partner would compute is made cheap, since two private RSA operations
/// a call would cost more than all the rest: our own signature, which the library hands on and never looks into, is a MAC as long
/// as one of RSA-2048, and the partner signs each of its few answers once (PKCS#1 v1.5 gives the same signature every time).
/// </para>
/// </summary>
internal sealed class SimulatedKeys : IDisposable
{
    private readonly RSA _partner = RSA.Create(2048);
    private readonly RSA _stranger = RSA.Create(2048);
    private readonly byte[] _own = RandomNumberGenerator.GetBytes(SHA256.HashSizeInBytes);
    private readonly Dictionary<(SigningParty Party, string Time, string Body), string> _signed = [];
    private readonly Lock _lock = new();

    public SimulatedKeys()
    {
        Known = new AlipayHkKeyOptions { KeyVersion = "1", PublicKey = _partner.ExportSubjectPublicKeyInfoPem() };
        Imported = new AlipayHkKeys(new AlipayHkOptions { PublicKeys = { Known } });
    }

    /// <summary>The partner's public key, as it stands in our settings.</summary>
    public AlipayHkKeyOptions Known { get; }

    /// <summary>The same, imported: a process starts a few times a day, and the import takes as long as ten verifications.</summary>
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

    /// <summary>Whether it is our signature of this digest.</summary>
    public bool IsOwn(ReadOnlySpan<byte> sha256, ReadOnlySpan<byte> signature) => signature.SequenceEqual(Sign(sha256));

    /// <summary>The signature of an answer, in base64.</summary>
    /// <param name="party">Whose it is.</param>
    /// <param name="time">Of the answer.</param>
    /// <param name="body">Of the answer.</param>
    /// <param name="sha256">Of the string to sign; asked for only where it was not signed before.</param>
    public string SignAnswer(SigningParty party, string time, string body, Func<byte[]> sha256)
    {
        lock (_lock)
        {
            if (_signed.TryGetValue((party, time, body), out var known)) return known;
            var key = party == SigningParty.Partner ? _partner : _stranger;
            var signature = Convert.ToBase64String(key.SignHash(sha256(), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
            _signed.Add((party, time, body), signature);
            return signature;
        }
    }

    public void Dispose()
    {
        Imported.Dispose();
        _partner.Dispose();
        _stranger.Dispose();
    }
}

/// <summary>Who signs an answer.</summary>
internal enum SigningParty
{
    Partner,

    /// <summary>Somebody else with a key of his own.</summary>
    Stranger,
}
