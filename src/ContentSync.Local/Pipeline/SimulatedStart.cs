using System.Security.Cryptography;
using ContentSync.Local.SimulatedAlipayHk;
using Microsoft.AspNetCore.Connections;

namespace ContentSync.Local.Pipeline;

/// <summary>Starts the simulated AlipayHK from a data folder, so that it knows our key and we know its.</summary>
internal static class SimulatedStart
{
    /// <param name="data">Holds its key and its content, and our development key.</param>
    /// <param name="clientId">The only Client-Id it knows.</param>
    /// <param name="port">Loopback port; 0 takes a free one.</param>
    /// <param name="faults">How it misbehaves.</param>
    /// <param name="time">Clock.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <param name="caller">The only key of ours it knows; null for the folder's development key.</param>
    /// <exception cref="CommandException">Its port or its content file cannot be used.</exception>
    public static async Task<SimulatedGateway> StartAsync(
        DataDirectory data, string clientId, int port, GatewayFaults faults, TimeProvider time, CancellationToken cancellationToken, RegisteredKey? caller = null)
    {
        try
        {
            return await SimulatedGateway.StartAsync(Options(data, clientId, port, faults, caller), time, null, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            throw new CommandException($"Port {port} is in use by another program. Stop that one, or choose another with --port.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new CommandException($"The simulated AlipayHK's content in '{data.FullName}' cannot be used: {e.Message}", e);
        }
    }

    private static SimulatedGatewayOptions Options(DataDirectory data, string clientId, int port, GatewayFaults faults, RegisteredKey? caller) => new()
    {
        Port = port,
        ClientId = clientId,
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
