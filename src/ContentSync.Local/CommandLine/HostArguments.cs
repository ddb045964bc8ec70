using System.CommandLine;
using ContentSync.Local.Pipeline;

namespace ContentSync.Local.CommandLine;

/// <summary>The options that select a running host or a data folder.</summary>
internal sealed class HostArguments
{
    private const string DataName = "--data";
    private const string HostVariable = "CONTENTSYNC_HOST";

    private const string ExpectedHost = "an https address, or http on this machine: https://NAME.azurewebsites.net or http://localhost:7071";

    private readonly Option<Uri?> _host = new("--host")
    {
        Description = "Running host, such as http://localhost:7071 or https://NAME.azurewebsites.net. "
            + "Default: environment variable CONTENTSYNC_HOST, unless --data is given; otherwise the data folder.",
        HelpName = "URL",
        CustomParser = OptionValue.Address(IsSafe, ExpectedHost),
    };

    private readonly Option<string?> _apiKey = new("--api-key")
    {
        Description = "API key of the host. Default: environment variable CONTENTSYNC_API_KEY.",
        HelpName = "KEY",
    };

    private readonly Option<string> _data = new(DataName)
    {
        Description = "Data folder to read when --host is not given. Default: environment variable CONTENTSYNC_DATA, otherwise .contentsync.",
        HelpName = "DIR",
        DefaultValueFactory = _ => DefaultDataFolder,
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object to standard output instead of a table." };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _host, _apiKey, _data, _json }) command.Options.Add(option);
    }

    /// <summary>For a command whose result is a file or a number.</summary>
    public void AddToWithoutJson(Command command)
    {
        foreach (var option in new Option[] { _host, _apiKey, _data }) command.Options.Add(option);
    }

    /// <summary>Adds only the options that name a host, for a command that has its own of the others.</summary>
    public void AddHostTo(Command command)
    {
        command.Options.Add(_host);
        command.Options.Add(_apiKey);
    }

    /// <summary>For a command that has other formats too.</summary>
    public Option<bool> Json => _json;

    public bool IsJson(ParseResult parsed) => parsed.GetValue(_json);

    /// <summary>Opens the host or the data folder.</summary>
    /// <exception cref="Ledger.LedgerUnavailableException">The folder holds no ledger, or the ledger cannot be read.</exception>
    public async Task<ILedgerView> OpenAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (NamesHost(parsed)) return Host(parsed);
        return await FolderView.OpenAsync(parsed.GetValue(_data)!, cancellationToken).ConfigureAwait(false);
    }

    public HostView Host(ParseResult parsed) =>
        new(HostAddress(parsed)!, parsed.GetValue(_apiKey) ?? Environment.GetEnvironmentVariable("CONTENTSYNC_API_KEY"));

    /// <summary>The data folder.</summary>
    public string Folder(ParseResult parsed) => parsed.GetValue(_data)!;

    public bool NamesHost(ParseResult parsed) => HostAddress(parsed) is not null;

    /// <summary>The data folder of a command that is given none.</summary>
    public static string DefaultDataFolder =>
        Environment.GetEnvironmentVariable("CONTENTSYNC_DATA") is { Length: > 0 } folder ? folder : DataDirectory.DefaultName;

    private Uri? HostAddress(ParseResult parsed)
    {
        if (parsed.GetValue(_host) is { } given) return given;
        if (NamesFolder(parsed)) return null;
        if (Environment.GetEnvironmentVariable(HostVariable) is not { Length: > 0 } text) return null;
        return Uri.TryCreate(text, UriKind.Absolute, out var address) && IsSafe(address)
            ? address
            : throw new CommandException($"The environment variable {HostVariable} must be {ExpectedHost}, not '{text}'.");
    }

    // Some commands have an option --data of their own.
    private static bool NamesFolder(ParseResult parsed) =>
        parsed.CommandResult.Command.Options.FirstOrDefault(option => option.Name == DataName) is { } data
        && parsed.GetResult(data) is { Implicit: false };

    // The key must not cross a network in the clear.
    private static bool IsSafe(Uri address) =>
        address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback);
}
