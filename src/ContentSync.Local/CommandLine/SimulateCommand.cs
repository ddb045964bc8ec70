using System.CommandLine;
using ContentSync.Local.Pipeline;
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
        DefaultValueFactory = _ => DataDirectory.DefaultName,
    };

    private readonly Option<int> _port = new("--port")
    {
        Description = "Port on localhost; 0 picks a free one.",
        HelpName = "N",
        DefaultValueFactory = _ => DefaultPort,
    };

    private readonly Option<string> _clientId = new("--client-id")
    {
        Description = "The only Client-Id that it accepts.",
        HelpName = "ID",
        DefaultValueFactory = _ => LocalOptions.SimulatedClientId,
    };

    private readonly Option<GatewayFaults> _faults = FaultArguments.Create("Faults to inject.");

    public const string Explanation =
        """
        It checks the Client-Id, the signature over the exact bytes, headers and fields; it signs its responses and keeps
        what it receives. GET /simulator/content lists the items it holds, GET /simulator/stats its counters, and
        PUT /simulator/faults changes the faults while it runs.

        Examples:
          contentsync-local simulate --faults unknown=0.05,throttle=0.02:3s
          contentsync-local sync catalog.ndjson --gateway http://localhost:7072
        """;

    public Command Create()
    {
        var command = new Command("simulate", "Run only the simulated AlipayHK.")
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
        var (clientId, port) = (parsed.GetValue(_clientId)!, parsed.GetValue(_port));
        await using var gateway = await SimulatedGatewayStartup.StartAsync(data, clientId, port, faults, TimeProvider.System, cancellationToken)
            .ConfigureAwait(false);
        var address = gateway.Address.ToString().TrimEnd('/');
        screen.MarkupLineInterpolated($"Simulated AlipayHK on [green]{address}[/] until Ctrl-C; faults: {(faults.All.Count == 0 ? "none" : faults)}");
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
