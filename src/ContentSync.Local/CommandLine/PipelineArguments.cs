using System.CommandLine;
using ContentSync.AlipayHk;
using ContentSync.Local.Pipeline;
using ContentSync.Simulator;

namespace ContentSync.Local.CommandLine;

/// <summary>The options of every command that runs a pipeline.</summary>
internal sealed class PipelineArguments
{
    private const int MaxLateEffectSeconds = 3_600;

    private readonly Option<string> _data = new("--data")
    {
        Description = "Folder for the ledger and keys; created on first use, with a development key.",
        HelpName = "DIR",
        DefaultValueFactory = _ => HostArguments.DefaultDataFolder,
    };

    private readonly Option<Uri?> _gateway = new("--gateway")
    {
        Description = "Address to send to (https, or http on this machine). Default: a simulated AlipayHK in this process.",
        HelpName = "URL",
        CustomParser = OptionValue.Address(
            uri => uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp, "an address such as https://open.example.com"),
    };

    private readonly Option<string> _clientId = new("--client-id")
    {
        Description = "Client-Id that AlipayHK assigned to you.",
        HelpName = "ID",
        DefaultValueFactory = _ => LocalOptions.SimulatedClientId,
    };

    private readonly Option<string?> _key = new("--key")
    {
        Description = "Private key that signs the requests: PEM or bare base64. Default: the development key in the data folder.",
        HelpName = "FILE",
    };

    private readonly Option<string> _keyVersion = new("--key-version")
    {
        Description = "keyVersion under which AlipayHK registered your public key.",
        HelpName = "N",
        DefaultValueFactory = _ => "1",
    };

    private readonly Option<string[]> _alipayHkKeys = new("--alipayhk-key")
    {
        Description = "AlipayHK's public key, which verifies the responses: PEM or bare base64. While AlipayHK rotates its key, repeat it for the "
            + "old and the new one. Default: the simulated AlipayHK's key.",
        HelpName = "FILE",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string[]> _alipayHkKeyVersions = new("--alipayhk-key-version")
    {
        Description = "keyVersion of AlipayHK's public key; repeated like --alipayhk-key, in the same order. Default: 1.",
        HelpName = "N",
        DefaultValueFactory = _ => [],
    };

    // Former names. Aliases of the options above would appear in the help; hidden options do not.
    private readonly Option<string?> _formerAlipayHkKey = new("--partner-key") { Hidden = true };

    private readonly Option<string?> _formerAlipayHkKeyVersion = new("--partner-key-version") { Hidden = true };

    private readonly ContentArguments _content = new();

    private readonly Option<int> _workers = new("--workers")
    {
        Description = "Items in flight at the same time, 1 to 1024.",
        HelpName = "N",
        CustomParser = OptionValue.Whole(1, 1024),
        DefaultValueFactory = _ => 64,
    };

    private readonly Option<double> _rate = new("--rate")
    {
        Description = "Max requests per second to AlipayHK; a resync leaves a fifth of them for single changes. 0 means no limit.",
        HelpName = "N",
        CustomParser = OptionValue.Number(
            rate => rate is 0 or (>= AlipayHkOptionsValidator.LowestSendsPerSecond and <= AlipayHkOptionsValidator.HighestSendsPerSecond),
            "a number of requests per second, 0 for no limit or from 0.1 to 100000"),
        DefaultValueFactory = _ => 0,
    };

    private readonly Option<int?> _lateEffectWindow = new("--late-effect-window")
    {
        Description = "How long AlipayHK may still process a request that timed out; nothing else is sent for its item before that. "
            + "Default: 25, or 2 with a simulated AlipayHK in this process.",
        HelpName = "SECONDS",
        CustomParser = OptionValue.OptionalWhole(0, MaxLateEffectSeconds, "of seconds"),
    };

    private readonly Option<GatewayFaults> _faults = FaultArguments.Create("Faults of the simulated AlipayHK.");

    private Option[] All =>
    [
        _data, _gateway, _clientId, _key, _keyVersion, _alipayHkKeys, _alipayHkKeyVersions, _formerAlipayHkKey, _formerAlipayHkKeyVersion,
        .. _content.All, _workers, _rate, _lateEffectWindow, _faults,
    ];

    /// <summary>Name of the first of these options on the command line; null when there is none.</summary>
    public string? FirstGiven(ParseResult parsed) => All.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false })?.Name;

    public void AddTo(Command command)
    {
        RejectBoth(command, _alipayHkKeys, _formerAlipayHkKey);
        RejectBoth(command, _alipayHkKeyVersions, _formerAlipayHkKeyVersion);
        foreach (var option in All) command.Options.Add(option);
    }

    public LocalOptions Read(ParseResult parsed) => new()
    {
        Data = parsed.GetValue(_data)!,
        Gateway = parsed.GetValue(_gateway),
        ClientId = parsed.GetValue(_clientId)!,
        KeyFile = parsed.GetValue(_key),
        KeyVersion = parsed.GetValue(_keyVersion)!,
        AlipayHkKeys = AlipayHkKeys(parsed),
        Content = _content.Read(parsed),
        Workers = parsed.GetValue(_workers),
        Rate = parsed.GetValue(_rate) is > 0 and var rate ? rate : null,
        LateEffectWindow = parsed.GetValue(_lateEffectWindow) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        Faults = parsed.GetValue(_faults) ?? GatewayFaults.None,
    };

    private IReadOnlyList<AlipayHkKeyFile> AlipayHkKeys(ParseResult parsed)
    {
        string?[] files = parsed.GetValue(_alipayHkKeys)!;
        if (files.Length == 0) files = [parsed.GetValue(_formerAlipayHkKey)];
        var versions = parsed.GetValue(_alipayHkKeyVersions)!;
        if (versions.Length == 0) versions = [parsed.GetValue(_formerAlipayHkKeyVersion) ?? "1"];
        if (files.Length == versions.Length) return [.. files.Zip(versions, (file, version) => new AlipayHkKeyFile(file, version))];
        throw new CommandException(
            $"{_alipayHkKeys.Name} and {_alipayHkKeyVersions.Name} belong together, one version for each key in the same order: "
            + "--alipayhk-key old.pem --alipayhk-key-version 1 --alipayhk-key new.pem --alipayhk-key-version 2");
    }

    private static void RejectBoth(Command command, Option option, Option former) => command.Validators.Add(result =>
    {
        if (result.GetResult(option) is { Implicit: false } && result.GetResult(former) is not null)
            result.AddError($"{former.Name} is the former name of {option.Name}. Use only {option.Name}.");
    });
}
