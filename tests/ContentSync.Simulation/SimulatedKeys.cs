using System.Security.Cryptography;

namespace ContentSync.Simulation;

/// <summary>Two RSA keys, ours and the partner's. Made once per run of the program and never written down; no trace depends on them.</summary>
internal sealed class SimulatedKeys : IDisposable
{
    private SimulatedKeys(RSA own, RSA partner) => (Own, Partner) = (own, partner);

    public RSA Own { get; }

    public RSA Partner { get; }

    public string PartnerPublicKey { get; private init; } = "";

    public static SimulatedKeys Create()
    {
        var partner = RSA.Create(2048);
        return new SimulatedKeys(RSA.Create(2048), partner) { PartnerPublicKey = partner.ExportSubjectPublicKeyInfoPem() };
    }

    /// <summary>The same keys for another thread.</summary>
    public SimulatedKeys Copy() => new(Copy(Own), Copy(Partner)) { PartnerPublicKey = PartnerPublicKey };

    public void Dispose()
    {
        Own.Dispose();
        Partner.Dispose();
    }

    private static RSA Copy(RSA key)
    {
        var copy = RSA.Create();
        copy.ImportParameters(key.ExportParameters(includePrivateParameters: true));
        return copy;
    }
}
