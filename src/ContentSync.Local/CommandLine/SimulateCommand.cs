using System.CommandLine;
using ContentSync.Local.Pipeline;
using ContentSync.Local.SimulatedAlipayHk;
using ContentSync.Signing;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>simulate</c>: the simulated AlipayHK alone.</summary>
internal sealed class SimulateCommand(IAnsiConsole screen)
{
    private const int DefaultPort = 7072;

    private readonly Option<string> _data = new("--data") { Description = "Folder whose development key it knows, and where it keeps its content.", HelpName = "DIR", DefaultValueFactory = _ => DataDirectory.DefaultName };

    private readonly Option<int> _port = new("--port") { Description = "Port, on this machine only; 0 takes a free one.", HelpName = "N", DefaultValueFactory = _ => DefaultPort };

    private readonly Option<string> _clientId = new("--client-id") { Description = "The Client-Id it knows.", HelpName = "ID", DefaultValueFactory = _ => LocalOptions.SimulatedClientId };

    private readonly Option<string?> _publicKey = new("--public-key")
    {
        Description = "The only key it knows: a file with a public key, or its base64 (X.509 SubjectPublicKeyInfo). Without it the folder's development key.",
        HelpName = "KEY",
    };

    private readonly Option<string> _keyVersion = new("--key-version") { Description = "keyVersion of --public-key.", HelpName = "N", DefaultValueFactory = _ => "1" };

    private readonly Option<GatewayFaults> _faults = FaultArguments.Create("How it misbehaves.");

    /// <summary>What its own help says besides.</summary>
    public const string Lesson =
        """
        It checks Client-Id, signature over the exact bytes, headers and fields, answers signed, and keeps what it was
        given. What it holds: GET /simulator/content; its counts: GET /simulator/stats; other faults while it runs:
        PUT /simulator/faults. Its own public key, which it prints, goes into the settings of the caller.

        Examples:
          contentsync-local simulate --faults unknown=0.05,throttle=0.02:3s
          contentsync-local sync catalog.ndjson --gateway http://localhost:7072
          contentsync-local simulate --public-key "$(infra/public-key.sh VAULT KEY)"
        """;

    public Command Create()
    {
        var command = new Command("simulate", "Run the simulated AlipayHK alone.")
        {
            _data, _port, _clientId, _publicKey, _keyVersion, _faults,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var data = DataDirectory.Open(parsed.GetValue(_data)!);
        var faults = parsed.GetValue(_faults) ?? GatewayFaults.None;
        var caller = parsed.GetValue(_publicKey) is { } key ? await CallerKeyAsync(key, parsed.GetValue(_keyVersion)!, cancellationToken).ConfigureAwait(false) : null;
        await using var gateway = await SimulatedStart.StartAsync(
            data, parsed.GetValue(_clientId)!, parsed.GetValue(_port), faults, TimeProvider.System, cancellationToken, caller).ConfigureAwait(false);
        screen.MarkupLineInterpolated($"Simulated AlipayHK on [green]{gateway.Address.ToString().TrimEnd('/')}[/] until Ctrl-C; faults: {(faults.All.Count == 0 ? "none" : faults)}");
        screen.MarkupLineInterpolated($"Its public key, keyVersion {gateway.KeyVersion}:");
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
        catch (Exception e) when (e is RsaKeyTextException or IOException or UnauthorizedAccessException)
        {
            throw new CommandException(e.Message, e);
        }
    }
}
