using System.CommandLine;
using ContentSync.Content;
using ContentSync.Local.Pipeline;
using ContentSync.Signing;
using ContentSync.Simulator;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>simulate</c>: runs only the simulated AlipayHK.</summary>
internal sealed class SimulateCommand(IAnsiConsole screen)
{
    private const int DefaultPort = 7072;

    private readonly Option<string> _data = new("--data")
    {
        Description = "Data folder with the caller's development key and the simulator's items.",
        HelpName = "DIR",
        DefaultValueFactory = _ => HostArguments.DefaultDataFolder,
    };

    private readonly Option<int> _port = new("--port")
    {
        Description = "Port on localhost; 0 picks a free one.",
        HelpName = "N",
        CustomParser = OptionValue.Whole(0, 65_535),
        DefaultValueFactory = _ => DefaultPort,
    };

    private readonly Option<string> _clientId = new("--client-id")
    {
        Description = "The only Client-Id that it accepts.",
        HelpName = "ID",
        DefaultValueFactory = _ => LocalOptions.SimulatedClientId,
    };

    private readonly Option<string?> _publicKey = new("--public-key")
    {
        Description = "The only key that it accepts: a file with a public key, or its base64 (X.509 SubjectPublicKeyInfo). "
            + "Default: the data folder's development key.",
        HelpName = "KEY",
    };

    private readonly Option<string> _keyVersion = new("--key-version")
    {
        Description = "keyVersion of --public-key.",
        HelpName = "N",
        DefaultValueFactory = _ => "1",
    };

    private readonly Option<GatewayFaults> _faults = FaultArguments.Create("Faults to inject.");

    public const string Explanation =
        """
        It checks the Client-Id, the signature over the exact bytes, headers and fields; it signs its responses and keeps
        what it receives. GET /simulator/content lists the items it holds, GET /simulator/stats its counters, and
        PUT /simulator/faults changes the faults while it runs.
        It prints its own public key, which the caller needs to verify its responses.

        Examples:
          contentsync simulate --faults unknown=0.05,throttle=0.02:3s
          contentsync sync catalog.ndjson --gateway http://localhost:7072
          contentsync simulate --public-key "$(infra/public-key.sh VAULT KEY)"
        """;

    public Command Create()
    {
        var command = new Command("simulate", "Run only the simulated AlipayHK.")
        {
            _data, _port, _clientId, _publicKey, _keyVersion, _faults,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var data = DataDirectory.Open(parsed.GetValue(_data)!);
        if (data.Warning is { } warning) screen.Line($"[yellow]{warning}[/]");
        var faults = parsed.GetValue(_faults) ?? GatewayFaults.None;
        var caller = parsed.GetValue(_publicKey) is { } key
            ? await CallerKeyAsync(key, parsed.GetValue(_keyVersion)!, cancellationToken).ConfigureAwait(false)
            : null;
        var (clientId, port) = (parsed.GetValue(_clientId)!, parsed.GetValue(_port));
        var gateway = await SimulatedGatewayStartup
            .StartAsync(data, clientId, new ContentOptions().ContentTypes, port, faults, TimeProvider.System, cancellationToken, caller)
            .ConfigureAwait(false);
        await using var closingGateway = gateway.ConfigureAwait(false);
        var address = gateway.Address.ToString().TrimEnd('/');
        screen.Line($"Simulated AlipayHK on [green]{address}[/] until Ctrl-C; faults: {(faults.All.Count == 0 ? "none" : faults)}");
        screen.Line($"Its public key, keyVersion {gateway.KeyVersion}:");
        screen.Profile.Out.Writer.WriteLine(gateway.PublicKey);
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C.
        }

        return ExitCodes.Done;
    }

    private static async Task<RegisteredKey> CallerKeyAsync(string key, string keyVersion, CancellationToken cancellationToken)
    {
        try
        {
            var text = File.Exists(key) ? await File.ReadAllTextAsync(key, cancellationToken).ConfigureAwait(false) : key;
            using var rsa = RsaKeyText.ImportPublic(text, "--public-key");
            return KeyVersionText.IsValid(keyVersion)
                ? new RegisteredKey(keyVersion, rsa.ExportSubjectPublicKeyInfoPem())
                : throw new CommandException($"--key-version is '{keyVersion}'. {KeyVersionText.Rule}");
        }
        catch (RsaKeyTextException e)
        {
            throw new CommandException(
                $"--public-key takes an RSA public key of {RsaKeyText.MinimumBits} bits or more: a PEM file, or the base64 of its X.509 "
                + "SubjectPublicKeyInfo as infra/public-key.sh prints it.",
                e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"--public-key: the file cannot be read. {e.Message}", e);
        }
    }
}
