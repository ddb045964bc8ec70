using System.CommandLine;
using System.CommandLine.Parsing;
using ContentSync.Local.Pipeline;

namespace ContentSync.Local.CommandLine;

/// <summary>The options by which a command finds what it is to look at: a running host, or the data folder of one.</summary>
internal sealed class HostArguments
{
    private readonly Option<Uri?> _host = new("--host")
    {
        Description = "A running host, such as http://localhost:7071 or https://NAME.azurewebsites.net. Default: the data folder is read.",
        HelpName = "URL",
        CustomParser = ParseHost,
    };

    private readonly Option<string?> _apiKey = new("--api-key") { Description = "The host's key. Default: environment variable CONTENTSYNC_API_KEY.", HelpName = "KEY" };

    private readonly Option<string> _data = new("--data") { Description = "Data folder to read where no host is named.", HelpName = "DIR", DefaultValueFactory = _ => DataDirectory.DefaultName };

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object for programs instead of a table." };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _host, _apiKey, _data, _json }) command.Options.Add(option);
    }

    /// <summary>Adds those that name a host, to a command that has the others itself.</summary>
    public void AddHostTo(Command command)
    {
        command.Options.Add(_host);
        command.Options.Add(_apiKey);
    }

    public bool IsJson(ParseResult parsed) => parsed.GetValue(_json);

    /// <summary>Opens what was named.</summary>
    /// <exception cref="CommandException">There is no ledger in the folder.</exception>
    public async Task<ILedgerView> OpenAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (NamesHost(parsed)) return Host(parsed);
        return await FolderView.OpenAsync(parsed.GetValue(_data)!, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The host that was named.</summary>
    public HostView Host(ParseResult parsed) => new(parsed.GetValue(_host)!, parsed.GetValue(_apiKey) ?? Environment.GetEnvironmentVariable("CONTENTSYNC_API_KEY"));

    /// <summary>Whether a host was named.</summary>
    public bool NamesHost(ParseResult parsed) => parsed.GetValue(_host) is not null;

    private static Uri? ParseHost(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        // A key must not go over a network in the clear.
        if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback))) return uri;
        result.AddError($"--host takes an address such as http://localhost:7071 or https://NAME.azurewebsites.net, not '{text}'.");
        return null;
    }
}
