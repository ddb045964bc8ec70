using System.CommandLine;
using System.CommandLine.Parsing;
using ContentSync.Local.Pipeline;

namespace ContentSync.Local.CommandLine;

/// <summary>The options that select a running host or a data folder.</summary>
internal sealed class HostArguments
{
    private readonly Option<Uri?> _host = new("--host")
    {
        Description = "Running host, such as http://localhost:7071 or https://NAME.azurewebsites.net. Default: use the data folder directly.",
        HelpName = "URL",
        CustomParser = ParseHost,
    };

    private readonly Option<string?> _apiKey = new("--api-key")
    {
        Description = "API key of the host. Default: environment variable CONTENTSYNC_API_KEY.",
        HelpName = "KEY",
    };

    private readonly Option<string> _data = new("--data")
    {
        Description = "Data folder to read when --host is not given.",
        HelpName = "DIR",
        DefaultValueFactory = _ => DataDirectory.DefaultName,
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object to standard output instead of a table." };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _host, _apiKey, _data, _json }) command.Options.Add(option);
    }

    /// <summary>Adds only the options that name a host, for a command that has its own of the others.</summary>
    public void AddHostTo(Command command)
    {
        command.Options.Add(_host);
        command.Options.Add(_apiKey);
    }

    public bool IsJson(ParseResult parsed) => parsed.GetValue(_json);

    /// <summary>Opens the host or the data folder.</summary>
    /// <exception cref="Ledger.LedgerUnavailableException">The folder holds no ledger, or the ledger cannot be read.</exception>
    public async Task<ILedgerView> OpenAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (NamesHost(parsed)) return Host(parsed);
        return await FolderView.OpenAsync(parsed.GetValue(_data)!, cancellationToken).ConfigureAwait(false);
    }

    public HostView Host(ParseResult parsed) =>
        new(parsed.GetValue(_host)!, parsed.GetValue(_apiKey) ?? Environment.GetEnvironmentVariable("CONTENTSYNC_API_KEY"));

    public bool NamesHost(ParseResult parsed) => parsed.GetValue(_host) is not null;

    private static Uri? ParseHost(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        // The key must not cross a network in the clear.
        if (Uri.TryCreate(text, UriKind.Absolute, out var uri)
            && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback))) return uri;
        result.AddError(
            $"--host must be an https address, or http on this machine: https://NAME.azurewebsites.net or http://localhost:7071, not '{text}'.");
        return null;
    }
}
