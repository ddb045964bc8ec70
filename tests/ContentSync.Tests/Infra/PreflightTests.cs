using System.Diagnostics;
using System.Globalization;

namespace ContentSync.Tests.Infra;

/// <summary>Runs the preflight script with a fake Azure CLI that prints prepared files.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class PreflightTests : IDisposable
{
    private const string Az = """
        #!/usr/bin/env bash
        # Prints the file prepared for the command; nothing if there is none.
        case "$1 $2" in
          "group exists") [[ -e $RESPONSES/group ]] && echo true || echo false ;;
          "resource list")
            case "$*" in
              *Microsoft.ServiceBus/namespaces*) name=tier ;;
              *tags.generation\ --*) name=generations ;;
              *) name=vault ;;
            esac
            cat "$RESPONSES/$name" 2>/dev/null || true ;;
          "resource show")
            if [[ -e $RESPONSES/denied ]]; then echo "AuthorizationFailed: no" >&2; exit 1; fi
            if [[ -e $RESPONSES/exp-${4##*/} ]]; then cat "$RESPONSES/exp-${4##*/}"; else echo "(ResourceNotFound) no such key" >&2; exit 3; fi ;;
          "keyvault list-deleted") cat "$RESPONSES/deleted" 2>/dev/null || true ;;
        esac
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("contentsync-preflight-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [ScriptFact("bash")]
    public async Task On_the_first_deployment_the_key_expires_in_about_two_years()
    {
        var run = await RunAsync("small");

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        var expiry = DateTimeOffset.Parse(Exported(run.Output, "SIGNING_KEY_EXPIRY")["1=".Length..], CultureInfo.InvariantCulture);
        Assert.InRange(expiry - DateTimeOffset.UtcNow, TimeSpan.FromDays(2 * 365 - 31), TimeSpan.FromDays(2 * 365 + 31));
        Assert.Equal("1", Exported(run.Output, "VAULT_GENERATION"));
    }

    [ScriptFact("bash")]
    public async Task An_existing_key_keeps_its_expiry()
    {
        PrepareEnvironment("small");
        Respond("exp-alipayhk-v1", "1858204799");

        var run = await RunAsync("small", ("SIGNING_KEY_EXPIRY", "1=2040-01-01T00:00:00Z"));

        Assert.Equal("1=2028-11-18T23:59:59Z", Exported(run.Output, "SIGNING_KEY_EXPIRY"));
    }

    [ScriptFact("bash")]
    public async Task A_key_that_does_not_exist_yet_keeps_the_expiry_of_the_last_run_and_the_next_key_has_its_own()
    {
        PrepareEnvironment("small");
        Respond("exp-alipayhk-v1", "1858204799");

        var run = await RunAsync("small", ("SIGNING_NEXT_KEY_VERSION", "2"), ("SIGNING_KEY_EXPIRY", "1=2028-11-18T23:59:59Z,2=2031-05-06T07:08:09Z"));

        Assert.Equal("1=2028-11-18T23:59:59Z,2=2031-05-06T07:08:09Z", Exported(run.Output, "SIGNING_KEY_EXPIRY"));
    }

    [ScriptFact("bash")]
    public async Task A_key_that_cannot_be_read_is_not_treated_as_missing()
    {
        PrepareEnvironment("small");
        Respond("denied", "");

        var run = await RunAsync("small");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("AuthorizationFailed", run.Errors, StringComparison.Ordinal);
        Assert.Equal("", run.Output);
    }

    [ScriptTheory("bash")]
    [InlineData("small", "production", "Standard")]
    [InlineData("production", "small", "Premium")]
    public async Task A_change_of_size_that_Azure_does_not_allow_is_rejected_with_a_workaround(string existing, string wanted, string tier)
    {
        PrepareEnvironment(existing);

        var run = await RunAsync(wanted);

        Assert.Equal((1, ""), (run.ExitCode, run.Output));
        Assert.Contains($"is not {wanted}: its Service Bus namespace is {tier}", run.Errors, StringComparison.Ordinal);
        Assert.Contains("Create a second environment", run.Errors, StringComparison.Ordinal);
    }

    [ScriptTheory("bash")]
    [InlineData("1\n1\n1\n", "2")]
    [InlineData("1\n3\n2\n", "4")]
    public async Task After_the_vaults_were_deleted_the_next_generation_has_free_names(string deleted, string generation)
    {
        Respond("deleted", deleted);

        var run = await RunAsync("small");

        Assert.Equal((0, generation), (run.ExitCode, Exported(run.Output, "VAULT_GENERATION")));
        Assert.Contains("new key, which AlipayHK must be sent", run.Errors, StringComparison.Ordinal);
    }

    [ScriptFact("bash")]
    public async Task Existing_vaults_keep_their_generation_whatever_was_deleted()
    {
        PrepareEnvironment("small");
        Respond("generations", "2\n2\n");
        Respond("deleted", "1\n");

        var run = await RunAsync("small");

        Assert.Equal((0, "", "2"), (run.ExitCode, run.Errors, Exported(run.Output, "VAULT_GENERATION")));
    }

    [ScriptFact("bash")]
    public async Task For_azd_the_values_are_stored_in_its_environment()
    {
        await Program("azd", """
            #!/usr/bin/env bash
            echo "$*" >>"$RESPONSES/azd-log"
            """);

        var run = await RunAsync("small", ("AZD", "1"), ("SIGNING_KEY_EXPIRY", "1=2028-11-18T23:59:59Z"));

        Assert.Equal((0, "", ""), run);
        Assert.Equal(["env set SIGNING_KEY_EXPIRY 1=2028-11-18T23:59:59Z", "env set VAULT_GENERATION 1"],
            await File.ReadAllLinesAsync(Path.Combine(_folder, "azd-log")));
    }

    [ScriptTheory("bash")]
    [InlineData("medium")]
    [InlineData("")]
    public async Task Shows_its_usage(string size)
    {
        var run = await RunAsync(size);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("usage: preflight.sh RESOURCE_GROUP small|production", run.Errors, StringComparison.Ordinal);
    }

    /// <summary>Prepares an existing environment of the given size.</summary>
    private void PrepareEnvironment(string size)
    {
        Respond("group", "");
        Respond("tier", size == "production" ? "Premium\n" : "Standard\n");
        Respond("generations", "1\n");
        Respond("vault", "/subscriptions/s/resourceGroups/rg-csync-uat/providers/Microsoft.KeyVault/vaults/csync-kv1-x\n");
    }

    private void Respond(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);

    private static string Exported(string output, string name) =>
        output.Trim().Split(' ').Single(part => part.StartsWith(name + "=", StringComparison.Ordinal))[(name.Length + 1)..];

    private async Task Program(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        await File.WriteAllTextAsync(path, text);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    private async Task<(int ExitCode, string Output, string Errors)> RunAsync(string size, params (string Name, string Value)[] environment)
    {
        await Program("az", Az);
        var start = new ProcessStartInfo("bash", [Path.Combine(InfrastructureFixture.Source, "preflight.sh"), "rg-csync-uat", size])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = _folder + Path.PathSeparator + Environment.GetEnvironmentVariable("PATH");
        start.Environment["RESPONSES"] = _folder;
        foreach (var (name, value) in environment) start.Environment[name] = value;

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await errors);
    }
}
