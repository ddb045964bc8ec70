using System.CommandLine;
using Microsoft.Extensions.Logging;

namespace ContentSync.Local.CommandLine;

/// <summary>The options for what a command logs to standard error.</summary>
internal sealed class LogArguments
{
    private readonly Option<bool> _verbose = new("--verbose")
    {
        Description = "Log every attempt and request as well, and repeated lines in full. Never bodies, keys, secrets or signatures.",
    };

    private readonly Option<LogFormat?> _format = new("--log-format")
    {
        Description = "Format of the log on standard error: text, or json for one object per line. Default: text.",
        HelpName = "text|json",
        CustomParser = OptionValue.Name<LogFormat>(),
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_verbose);
        command.Options.Add(_format);
    }

    public bool IsVerbose(ParseResult parsed) => parsed.GetValue(_verbose);

    public bool IsJson(ParseResult parsed) => parsed.GetValue(_format) == LogFormat.Json;

    /// <summary>The log of a host: what an operator must know, or everything with <c>--verbose</c>.</summary>
    public ILoggerFactory ForHost(ParseResult parsed, Terminal terminal) =>
        ConsoleLog.Create(terminal.Notes, parsed.GetValue(_format) ?? LogFormat.Text, IsVerbose(parsed), TimeProvider.System);

    /// <summary>The log of a command that shows its own progress and result: nothing without <c>--verbose</c>.</summary>
    public ILoggerFactory ForCommand(ParseResult parsed, Terminal terminal) =>
        IsVerbose(parsed) ? ForHost(parsed, terminal) : Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance;
}
