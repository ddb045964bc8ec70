using System.CommandLine;
using System.Globalization;
using ContentSync.Local;
using ContentSync.Local.CommandLine;
using Microsoft.Extensions.Time.Testing;
using Spectre.Console;
using Spectre.Console.Testing;

namespace ContentSync.Tests.Local.CommandLine;

public sealed class OptionValueTests
{
    private static readonly string[] Rubbish =
    [
        "abc", "", " ", "-1", "1e999", "NaN", "99999999999999999999", "0x10", "1,5", "🍪", "@file", "a\0b", "http://", "C:\\nul", new('9', 500),
    ];

    // With these a value is text for the command itself, which checks it when it runs.
    private static readonly string[] Texts =
    [
        "--data", "--client-id", "--key", "--key-version", "--alipayhk-key", "--alipayhk-key-version", "--partner-key", "--partner-key-version",
        "--schemas", "--catalog", "--api-key", "--webhook-secret", "--report", "--source", "--type", "--code", "--reason", "--public-key", "--out",
        "--content-type", "--map", "--shopify-secret", "--woocommerce-secret",
        "--event-grid-tenant", "--event-grid-application", "--mappings", "--notify-secret", "--by", "--prefix",
        "ID", "FILE",
    ];

    public static TheoryData<string> Commands => [.. Root().Subcommands.Select(command => command.Name), ""];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Answers_rubbish_for_every_option_with_a_sentence(string name)
    {
        var root = Root();
        var command = name.Length == 0 ? root : root.Subcommands.Single(candidate => candidate.Name == name);
        foreach (var option in command.Options.Where(option => option.ValueType != typeof(bool) && option.Name is not ("--help" or "--version")))
        {
            foreach (var value in Rubbish)
            {
                var required = command.Arguments
                    .Where(argument => argument.Arity.MinimumNumberOfValues > 0)
                    .Select(argument => argument.Name == "rate" ? "1" : "x");
                string[] args = name.Length == 0 ? [option.Name, value] : [name, .. required, option.Name, value];
                var errors = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null }).Errors.Select(error => error.Message).ToList();
                // pause takes any text as its reason, list one of three.
                var takesText = Texts.Contains(option.Name) && (option.ValueType == typeof(string) || option.ValueType == typeof(string[]));
                var isText = takesText && !string.IsNullOrWhiteSpace(value) && !value.Contains('\0', StringComparison.Ordinal);
                Assert.True(isText == (errors.Count == 0), $"{string.Join(' ', args)}: {string.Join(" | ", errors)}");
                foreach (var error in errors)
                {
                    Assert.StartsWith(option.Name, error, StringComparison.Ordinal);
                    Assert.DoesNotContain("System.", error, StringComparison.Ordinal);
                }
            }
        }
    }

    [Theory]
    [InlineData("sync", "nothing.ndjson", "--workers", "abc")]
    [InlineData("sync", "nothing.ndjson", "--rate", "NaN")]
    [InlineData("--port", "http")]
    [InlineData("status", "--api-key", "")]
    [InlineData("resync", "--allow-delist", "half")]
    [InlineData("resync", "--older-than", "1e400")]
    [InlineData("sync", "nothing.ndjson", "--wait", "-5")]
    [InlineData("show", "")]
    [InlineData("staus")]
    [InlineData("show", "a", "b")]
    public async Task Ends_with_2_and_says_where_help_is(params string[] args)
    {
        var (exit, output, error) = await RunAsync(args);
        Assert.Equal(ExitCodes.Unusable, exit);
        Assert.Empty(output);
        Assert.Contains("--help", error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--alipayhk-key", "old.pem", "--alipayhk-key", "new.pem")]
    [InlineData("--alipayhk-key", "old.pem", "--alipayhk-key", "new.pem", "--alipayhk-key-version", "2")]
    [InlineData("--alipayhk-key", "old.pem", "--alipayhk-key-version", "1", "--alipayhk-key-version", "2")]
    public async Task Wants_a_version_for_each_of_several_keys(params string[] keys)
    {
        var folder = Directory.CreateTempSubdirectory("contentsync-test-");
        try
        {
            var file = Path.Combine(folder.FullName, "catalog.ndjson");
            await File.WriteAllTextAsync(file, "");
            var (exit, _, error) = await RunAsync(["sync", file, "--data", Path.Combine(folder.FullName, "data"), .. keys]);
            Assert.Equal(ExitCodes.Unusable, exit);
            Assert.Contains("one version for each key in the same order", error.ReplaceLineEndings(" "), StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Takes_an_argument_with_an_at_sign_as_it_is()
    {
        var folder = Directory.CreateTempSubdirectory("contentsync-test-");
        try
        {
            var (exit, _, error) = await RunAsync("show", "@promo", "--data", folder.FullName);
            Assert.Equal(ExitCodes.Unusable, exit);
            Assert.Contains("ledger", error, StringComparison.OrdinalIgnoreCase);
        }
        finally
        {
            folder.Delete();
        }
    }

    [Theory]
    [InlineData("now", "2026-11-25T10:30:00+00:00")]
    [InlineData("today", "2026-11-25T00:00:00+00:00")]
    [InlineData("yesterday", "2026-11-24T00:00:00+00:00")]
    [InlineData("2h", "2026-11-25T08:30:00+00:00")]
    [InlineData("90s", "2026-11-25T10:28:30+00:00")]
    [InlineData("7d", "2026-11-18T10:30:00+00:00")]
    [InlineData("2026-11-20", "2026-11-20T00:00:00+00:00")]
    [InlineData("2026-11-20T08:00:00+08:00", "2026-11-20T00:00:00+00:00")]
    public void Reads_times_as_people_type_them(string text, string expected)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 25, 10, 30, 0, TimeSpan.Zero));
        Assert.True(CommandLineTime.TryParse(text, time, out var read));
        Assert.Equal(DateTimeOffset.Parse(expected, CultureInfo.InvariantCulture), read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("tomorrow")]
    [InlineData("2h30m")]
    [InlineData("2026-13-01")]
    [InlineData("2026-11-20T08:00:00")]
    [InlineData("999999d")]
    public void Refuses_other_times(string text) => Assert.False(CommandLineTime.TryParse(text, TimeProvider.System, out _));

    [Theory]
    [InlineData("a :warning: sign")]
    [InlineData("[red]not red[/]")]
    [InlineData("half [open")]
    [InlineData("12:30:45 :cookie:")]
    public void Shows_a_value_as_it_is(string value)
    {
        using var console = new TestConsole();
        console.Width(200);
        console.Line($"[green]{value}[/] seen {1_234:n0} times");
        Assert.Equal($"{value} seen 1,234 times\n", console.Output);
    }

    private static RootCommand Root()
    {
        var console = new TestConsole();
        return CommandLineProgram.Commands(new Terminal(console, console));
    }

    private static async Task<(int Exit, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exit = await CommandLineProgram.RunAsync(args, output, error, CancellationToken.None);
        return (exit, output.ToString(), error.ToString());
    }
}
