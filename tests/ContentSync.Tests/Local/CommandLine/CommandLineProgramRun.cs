using System.Text.RegularExpressions;
using ContentSync.Local.CommandLine;

namespace ContentSync.Tests.Local.CommandLine;

/// <summary>Runs the command line in this process. Its texts are without colours, which depend on where the tests run.</summary>
internal static partial class CommandLineProgramRun
{
    public static Task<(int Exit, string Output, string Error)> RunAsync(params string[] args) => RunAsync(CancellationToken.None, args);

    public static async Task<(int Exit, string Output, string Error)> RunAsync(CancellationToken cancellationToken, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exit = await CommandLineProgram.RunAsync(args, output, error, cancellationToken);
        return (exit, Colour().Replace(output.ToString(), ""), Colour().Replace(error.ToString(), ""));
    }

    [GeneratedRegex(@"\x1b\[[0-9;]*m")]
    private static partial Regex Colour();
}
