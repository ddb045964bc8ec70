using System.Security.Cryptography;
using ContentSync.Local.SimulatedAlipayHk;

namespace ContentSync.Local.Pipeline;

/// <summary>Sets the simulated AlipayHK up from a data folder, so that it knows our key and we know its.</summary>
internal static class SimulatedOptions
{
    public static SimulatedGatewayOptions For(DataDirectory data, string clientId, int port, GatewayFaults faults)
    {
        using var ours = RSA.Create();
        ours.ImportFromPem(File.ReadAllText(data.PrivateKeyFile));
        return new SimulatedGatewayOptions
        {
            Port = port,
            ClientId = clientId,
            CallerKeys = [new RegisteredKey("1", ours.ExportSubjectPublicKeyInfoPem())],
            Key = new GatewayKey("1", File.ReadAllText(data.SimulatedPrivateKeyFile)),
            StatePath = data.SimulatedContentFile,
            Faults = faults,
        };
    }
}
