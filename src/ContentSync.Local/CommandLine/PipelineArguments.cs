using System.CommandLine;
using System.CommandLine.Parsing;
using ContentSync.Local.Pipeline;
using ContentSync.Simulator;

namespace ContentSync.Local.CommandLine;

/// <summary>The options that every command with a pipeline takes.</summary>
internal sealed class PipelineArguments
{
    private readonly Option<string> _data = new("--data")
    {
        Description = "Folder for ledger and keys; made on first use, with a development key.",
        HelpName = "DIR",
        DefaultValueFactory = _ => DataDirectory.DefaultName,
    };

    private readonly Option<Uri?> _gateway = new("--gateway")
    {
        Description = "Send to this address (https, or http on this machine) instead of the simulated AlipayHK.",
        HelpName = "URL",
        CustomParser = ParseGateway,
    };

    private readonly Option<string> _clientId = new("--client-id")
    {
        Description = "The Client-Id that AlipayHK gave you.",
        HelpName = "ID",
        DefaultValueFactory = _ => LocalOptions.SimulatedClientId,
    };

    private readonly Option<string?> _key = new("--key") { Description = "Private key to sign with: PEM or bare base64. Default: the development key in the data folder.", HelpName = "FILE" };

    private readonly Option<string> _keyVersion = new("--key-version") { Description = "keyVersion under which AlipayHK holds your public key.", HelpName = "N", DefaultValueFactory = _ => "1" };

    private readonly Option<string?> _partnerKey = new("--partner-key") { Description = "AlipayHK's public key, to verify its answers. Default: that of the simulated AlipayHK.", HelpName = "FILE" };

    private readonly Option<string> _partnerKeyVersion = new("--partner-key-version") { Description = "keyVersion of AlipayHK's key.", HelpName = "N", DefaultValueFactory = _ => "1" };

    private readonly Option<string?> _schemas = new("--schemas") { Description = "Folder with a JSON Schema for contentInfo per content type, named SKU.schema.json and so on.", HelpName = "DIR" };

    private readonly Option<int> _workers = new("--workers") { Description = "Items in flight at the same time, 1 to 1024.", HelpName = "N", DefaultValueFactory = _ => 64 };

    private readonly Option<double> _rate = new("--rate") { Description = "Most sends per second, single changes and bulk together; bulk leaves a fifth of it to single changes. 0 for no limit.", HelpName = "N", DefaultValueFactory = _ => 0 };

    private readonly Option<GatewayFaults> _faults = FaultArguments.Create("Faults of the simulated AlipayHK.");

    private Option[] All => [_data, _gateway, _clientId, _key, _keyVersion, _partnerKey, _partnerKeyVersion, _schemas, _workers, _rate, _faults];

    /// <summary>The first of them that was typed; null where none was.</summary>
    public string? FirstTyped(ParseResult parsed) => All.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false })?.Name;

    /// <summary>Adds them all to the command.</summary>
    public void AddTo(Command command)
    {
        _workers.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 1024) result.AddError("--workers takes a number from 1 to 1024.");
        });
        _rate.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (>= 0 and <= 1_000_000)) result.AddError("--rate takes a number of sends per second, 0 or more.");
        });
        foreach (var option in All) command.Options.Add(option);
    }

    /// <summary>What was typed.</summary>
    public LocalOptions Read(ParseResult parsed) => new()
    {
        Data = parsed.GetValue(_data)!,
        Gateway = parsed.GetValue(_gateway),
        ClientId = parsed.GetValue(_clientId)!,
        KeyFile = parsed.GetValue(_key),
        KeyVersion = parsed.GetValue(_keyVersion)!,
        AlipayHkKeyFile = parsed.GetValue(_partnerKey),
        AlipayHkKeyVersion = parsed.GetValue(_partnerKeyVersion)!,
        Schemas = parsed.GetValue(_schemas),
        Workers = parsed.GetValue(_workers),
        Rate = parsed.GetValue(_rate) is > 0 and var rate ? rate : null,
        Faults = parsed.GetValue(_faults) ?? GatewayFaults.None,
    };

    private static Uri? ParseGateway(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp)) return uri;
        result.AddError($"--gateway takes an address such as https://open.example.com, not '{text}'.");
        return null;
    }
}
