using System.Security.Cryptography;
using ContentSync.Simulator;
using Microsoft.AspNetCore.Connections;

namespace ContentSync.Local.Pipeline;

/// <summary>Starts the simulated AlipayHK with the keys and items of a data folder, so that both sides know each other's public key.</summary>
internal static class SimulatedGatewayStartup
{
    /// <param name="data">Holds the simulator's key and items, and our development key.</param>
    /// <param name="clientId">The only Client-Id that it accepts.</param>
    /// <param name="contentTypes">The content types that it accepts.</param>
    /// <param name="port">Loopback port; 0 picks a free one.</param>
    /// <param name="faults">Faults to inject.</param>
    /// <param name="time">Clock of its timestamps and delays.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <param name="caller">The only caller's key that it accepts; null for the folder's development key.</param>
    /// <exception cref="CommandException">The port or the file with the items cannot be used.</exception>
    public static async Task<SimulatedGateway> StartAsync(
        DataDirectory data,
        string clientId,
        IEnumerable<string> contentTypes,
        int port,
        GatewayFaults faults,
        TimeProvider time,
        CancellationToken cancellationToken,
        RegisteredKey? caller = null)
    {
        try
        {
            if (!File.Exists(data.SimulatedContentFile)) PrivateFile.Create(data.SimulatedContentFile, FileMode.OpenOrCreate).Dispose();
            var options = Options(data, clientId, contentTypes, port, faults, caller);
            return await SimulatedGateway.StartAsync(options, time, null, cancellationToken).ConfigureAwait(false);
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

    private static SimulatedGatewayOptions Options(
        DataDirectory data, string clientId, IEnumerable<string> contentTypes, int port, GatewayFaults faults, RegisteredKey? caller) => new()
        {
            Port = port,
            ClientId = clientId,
            ContentTypes = [.. contentTypes],
            CallerKeys = [caller ?? DevelopmentKey(data)],
            Key = new GatewayKey("1", File.ReadAllText(data.SimulatedPrivateKeyFile)),
            StatePath = data.SimulatedContentFile,
            Faults = faults,
        };

    private static RegisteredKey DevelopmentKey(DataDirectory data)
    {
        using var ours = RSA.Create();
        ours.ImportFromPem(File.ReadAllText(data.PrivateKeyFile));
        return new RegisteredKey("1", ours.ExportSubjectPublicKeyInfoPem());
    }
}
