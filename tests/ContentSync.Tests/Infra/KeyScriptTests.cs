using System.Diagnostics;
using System.Security.Cryptography;

namespace ContentSync.Tests.Infra;

/// <summary>Runs the signing key scripts with a fake Azure CLI that keeps its vaults in a folder.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class KeyScriptTests : IDisposable
{
    private const string Az = """
        #!/usr/bin/env bash
        # az keyvault key VERB --vault-name V [--name N] [--version X] [--file F] ...
        verb=$3; shift 3
        while (($#)); do
          case $1 in
            --vault-name) vault=$2 ;;
            --file) file=$2 ;;
            --output) [[ $2 == none ]] && quiet=1 ;;
          esac
          shift
        done
        echo "$verb $vault" >>"$VAULTS/log"
        case $verb in
          download) [[ -e $VAULTS/$vault ]] && cp "$VAULTS/key.pem" "$file" ;;
          backup) [[ -e $VAULTS/$vault ]] && echo backup >"$file" ;;
          show) [[ -e $VAULTS/$vault ]] && { [[ -n $quiet ]] || echo "https://$vault.vault.azure.net/keys/alipayhk-v1/0123456789abcdef"; } ;;
          restore) [[ $vault != elsewhere && $(<"$file") == backup ]] && touch "$VAULTS/$vault" ;;
        esac
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("contentsync-vaults-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [ScriptFact("bash", "openssl")]
    public async Task Prints_the_public_key_in_the_format_that_AlipayHK_requires()
    {
        using var key = RSA.Create(2048);
        await File.WriteAllTextAsync(Path.Combine(_folder, "key.pem"), key.ExportSubjectPublicKeyInfoPem());
        Have("one");

        var run = await RunAsync("public-key.sh", "one", "alipayhk-v1");

        Assert.Equal((0, Convert.ToBase64String(key.ExportSubjectPublicKeyInfo()) + "\n", ""), run);
    }

    [ScriptFact("bash", "openssl")]
    public async Task The_error_names_the_role_that_may_read_a_key()
    {
        var run = await RunAsync("public-key.sh", "one", "alipayhk-v1");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Key Vault Reader", run.Errors, StringComparison.Ordinal);
    }

    [ScriptFact("bash")]
    public async Task Places_the_key_only_in_vaults_that_lack_it()
    {
        Have("one");
        Have("two");

        var run = await RunAsync("place-key.sh", "alipayhk-v1", "one", "two", "three");

        Assert.Equal((0, "two already has the key\nthree now has the key\n", ""), run);
        Assert.Equal(["backup one", "show one", "show two", "show three", "restore three"], await File.ReadAllLinesAsync(Path.Combine(_folder, "log")));
    }

    [ScriptFact("bash")]
    public async Task The_error_says_why_a_key_cannot_be_placed()
    {
        Have("one");

        var run = await RunAsync("place-key.sh", "alipayhk-v1", "one", "elsewhere");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("same geography and subscription", run.Errors, StringComparison.Ordinal);
    }

    [ScriptTheory("bash")]
    [InlineData("public-key.sh", "one")]
    [InlineData("place-key.sh", "alipayhk-v1", "one")]
    public async Task Shows_its_usage(string script, params string[] arguments)
    {
        var run = await RunAsync(script, arguments);

        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith($"usage: {script}", run.Errors, StringComparison.Ordinal);
    }

    private void Have(string vault) => File.WriteAllText(Path.Combine(_folder, vault), "");

    private async Task<(int ExitCode, string Output, string Errors)> RunAsync(string script, params string[] arguments)
    {
        var az = Path.Combine(_folder, "az");
        await File.WriteAllTextAsync(az, Az);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(az, UnixFileMode.UserRead | UnixFileMode.UserExecute);

        var start = new ProcessStartInfo("bash", [Path.Combine(InfrastructureFixture.Source, script), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = _folder + Path.PathSeparator + Environment.GetEnvironmentVariable("PATH");
        start.Environment["VAULTS"] = _folder;

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await errors);
    }
}
