using System.CommandLine;
using ContentSync.Local.Pipeline;
using ContentSync.Simulator;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>simulate</c>: the simulated AlipayHK alone.</summary>
internal sealed class SimulateCommand(IAnsiConsole screen)
{
    private const int DefaultPort = 7072;

    private readonly Option<string> _data = new("--data") { Description = "Folder whose development key it knows, and where it keeps its content.", HelpName = "DIR", DefaultValueFactory = _ => DataDirectory.DefaultName };

    private readonly Option<int> _port = new("--port") { Description = "Port, on this machine only; 0 takes a free one.", HelpName = "N", DefaultValueFactory = _ => DefaultPort };

    private readonly Option<string> _clientId = new("--client-id") { Description = "The Client-Id it knows.", HelpName = "ID", DefaultValueFactory = _ => LocalOptions.SimulatedClientId };

    private readonly Option<GatewayFaults> _faults = FaultArguments.Create("How it misbehaves.");

    /// <summary>What its own help says besides.</summary>
    public const string Lesson =
        """
        It checks Client-Id, signature over the exact bytes, headers and fields, answers signed, and keeps what it was
        given. What it holds: GET /simulator/content; its counts: GET /simulator/stats; other faults while it runs:
        PUT /simulator/faults.

        Examples:
          contentsync-local simulate --faults unknown=0.05,throttle=0.02:3s
          contentsync-local sync catalog.ndjson --gateway http://localhost:7072
        """;

    public Command Create()
    {
        var command = new Command("simulate", "Run the simulated AlipayHK alone.")
        {
            _data, _port, _clientId, _faults,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var data = DataDirectory.Open(parsed.GetValue(_data)!);
        var faults = parsed.GetValue(_faults) ?? GatewayFaults.None;
        await using var gateway = await SimulatedGatewayStartup.StartAsync(data, parsed.GetValue(_clientId)!, parsed.GetValue(_port), faults, TimeProvider.System, cancellationToken).ConfigureAwait(false);
        screen.MarkupLineInterpolated($"Simulated AlipayHK on [green]{gateway.Address.ToString().TrimEnd('/')}[/] until Ctrl-C; faults: {(faults.All.Count == 0 ? "none" : faults)}");
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
}
