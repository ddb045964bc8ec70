using System.Security.Cryptography;
using ContentSync.Simulator;
using Microsoft.AspNetCore.Connections;

namespace ContentSync.Local.Pipeline;

/// <summary>Starts the simulated AlipayHK with the keys and items of a data folder, so that both sides know each other's public key.</summary>
internal static class SimulatedGatewayStartup
{
    /// <exception cref="CommandException">The port or the file with the items cannot be used.</exception>
    public static async Task<SimulatedGateway> StartAsync(
        DataDirectory data, string clientId, int port, GatewayFaults faults, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            return await SimulatedGateway.StartAsync(Options(data, clientId, port, faults), time, null, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            throw new CommandException($"Port {port} is in use by another program. Stop that program, or choose another port with --port.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new CommandException($"The items of the simulated AlipayHK in '{data.FullName}' cannot be used: {e.Message}", e);
        }
    }

    private static SimulatedGatewayOptions Options(DataDirectory data, string clientId, int port, GatewayFaults faults)
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
