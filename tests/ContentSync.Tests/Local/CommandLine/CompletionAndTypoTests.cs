using System.Diagnostics;
using ContentSync.Local;

namespace ContentSync.Tests.Local.CommandLine;

public sealed class CompletionAndTypoTests
{
    [Theory]
    [InlineData("staus", "status")]
    [InlineData("pase --reason x", "pause")]
    [InlineData("list --stat parked", "--state")]
    [InlineData("status --wacth", "--watch")]
    public async Task Suggests_what_was_meant(string typed, string meant)
    {
        var (exit, output, error) = await CommandLineProgramRun.RunAsync(typed.Split(' '));
        Assert.Equal((ExitCodes.Unusable, ""), (exit, output));
        Assert.Contains($"Did you mean {meant}?", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Suggests_nothing_for_a_word_that_resembles_none()
    {
        var (_, _, error) = await CommandLineProgramRun.RunAsync("xyzzy");
        Assert.DoesNotContain("Did you mean", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sta", "status")]
    [InlineData("list --sta", "--state")]
    [InlineData("list --state ", "parked")]
    [InlineData("completion ", "zsh")]
    public async Task Completes_commands_options_and_values(string line, string completed)
    {
        var (exit, output, _) = await CommandLineProgramRun.RunAsync($"[suggest:{line.Length}]", line);
        Assert.Equal(ExitCodes.Done, exit);
        Assert.Contains(completed, output.Split('\n', StringSplitOptions.TrimEntries));
    }

    [Theory]
    [InlineData("bash", "complete -o default -F _contentsync_complete contentsync")]
    [InlineData("zsh", "compdef _contentsync contentsync")]
    [InlineData("pwsh", "Register-ArgumentCompleter -Native -CommandName contentsync")]
    public async Task Prints_a_script_for_each_shell(string shell, string line)
    {
        var (exit, output, _) = await CommandLineProgramRun.RunAsync("completion", shell);
        Assert.Equal(ExitCodes.Done, exit);
        Assert.Contains(line, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_the_shells_it_knows()
    {
        var (exit, _, error) = await CommandLineProgramRun.RunAsync("completion", "fish");
        Assert.Equal(ExitCodes.Unusable, exit);
        Assert.Contains("SHELL must be one of bash, zsh, pwsh, not 'fish'.", error, StringComparison.Ordinal);
    }

    [Fact]
    [Trait(TestCategory.Name, TestCategory.Slow)]
    public async Task The_script_completes_in_a_real_bash()
    {
        if (!File.Exists("/bin/bash")) return;
        var (_, script, _) = await CommandLineProgramRun.RunAsync("completion", "bash");
        var program = Path.Combine(AppContext.BaseDirectory, "contentsync-local.dll");
        var session = $$"""
            contentsync() { dotnet "{{program}}" "$@"; }
            {{script}}
            COMP_LINE='contentsync resync --over'; COMP_POINT=${#COMP_LINE}; COMP_WORDS=(contentsync resync --over); COMP_CWORD=2
            _contentsync_complete
            printf '%s\n' "${COMPREPLY[@]}"
            """;
        using var bash = Process.Start(new ProcessStartInfo("/bin/bash", ["-c", session]) { RedirectStandardOutput = true })!;
        var output = await bash.StandardOutput.ReadToEndAsync();
        await bash.WaitForExitAsync();
        Assert.Equal("--override-newer\n", output);
    }
}
