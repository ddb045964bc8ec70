using System.CommandLine;
using System.Security.Cryptography;
using ContentSync.Local.Pipeline;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>keygen</c>: generates an RSA-2048 key pair for development.</summary>
internal sealed class KeygenCommand(IAnsiConsole screen)
{
    private readonly Option<string> _out = new("--out")
    {
        Description = "Folder for private-key.pem and public-key.pem; existing files are never overwritten.",
        HelpName = "DIR",
        DefaultValueFactory = _ => ".",
    };

    public const string Explanation =
        """
        In production the key is generated in Azure Key Vault and never leaves it.

        Example:
          contentsync keygen --out keys
        """;

    public Command Create()
    {
        var command = new Command("keygen", "Generate an RSA-2048 key pair for development.")
        {
            _out,
        };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        var folder = Path.GetFullPath(parsed.GetValue(_out)!);
        var privateFile = Path.Combine(folder, "private-key.pem");
        var publicFile = Path.Combine(folder, "public-key.pem");
        using var key = RSA.Create(2048);
        try
        {
            Directory.CreateDirectory(folder);
            if (File.Exists(privateFile) || File.Exists(publicFile))
                throw new CommandException($"'{folder}' already holds a key pair, and keys are never overwritten. Choose another folder with --out.");
            PrivateFile.Write(privateFile, key.ExportPkcs8PrivateKeyPem() + "\n");
            File.WriteAllText(publicFile, key.ExportSubjectPublicKeyInfoPem() + "\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"The key pair cannot be written to '{folder}': {e.Message}", e);
        }

        screen.Line($"Private key: [green]{privateFile}[/]  (keep it secret and never commit it)");
        screen.Line($"Public key:  [green]{publicFile}[/]");
        screen.MarkupLine("Send this line to AlipayHK. It is the public key, an X.509 SubjectPublicKeyInfo in base64:");
        parsed.InvocationConfiguration.Output.WriteLine(Convert.ToBase64String(key.ExportSubjectPublicKeyInfo()));
        return ExitCodes.Done;
    }
}
