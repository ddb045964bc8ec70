using System.Security.Cryptography;

namespace ContentSync.Local.Pipeline;

/// <summary>The folder with the local host's ledger and keys and the simulated AlipayHK's items. Created on first use.</summary>
public sealed class DataDirectory
{
    /// <summary>Default of <c>--data</c>: a folder in the current directory.</summary>
    public const string DefaultName = ".contentsync";

    /// <summary>File name of the ledger.</summary>
    public const string LedgerName = "ledger.db";

    /// <summary>File name of the send budget's state.</summary>
    public const string SendStateName = "send.db";

    /// <summary>Name of <see cref="ResyncFolder"/>.</summary>
    public const string ResyncName = "resync";

    private static readonly string[] Subfolders = ["keys", "simulated-alipayhk", ResyncName];

    private DataDirectory(string path) => FullName = path;

    public string FullName { get; }

    /// <summary>Says that other users of the machine could read the folder, or can; null if they could not.</summary>
    public string? Warning { get; private init; }

    public string LedgerFile => Path.Combine(FullName, LedgerName);

    /// <summary>The send budget's state, apart from the ledger so that a command may write it while a host runs.</summary>
    public string SendStateFile => Path.Combine(FullName, SendStateName);

    /// <summary>Runs, plans, and the temporary files of planning.</summary>
    public string ResyncFolder => Path.Combine(FullName, ResyncName);

    /// <summary>Our development key, RSA-2048, PKCS#8 PEM.</summary>
    public string PrivateKeyFile => Path.Combine(FullName, "keys", "private-key.pem");

    /// <summary>The simulated AlipayHK's private key, RSA-2048, PKCS#8 PEM.</summary>
    public string SimulatedPrivateKeyFile => Path.Combine(FullName, "keys", "simulated-alipayhk-private-key.pem");

    /// <summary>The items that the simulated AlipayHK holds.</summary>
    public string SimulatedContentFile => Path.Combine(FullName, "simulated-alipayhk", "content.ndjson");

    /// <summary>
    /// Opens the folder; on first use creates it, with its own .gitignore and two development keys. Only its owner can read it, also if it was
    /// created by an earlier version.
    /// </summary>
    /// <exception cref="CommandException">The folder cannot be created or written.</exception>
    public static DataDirectory Open(string path)
    {
        var folder = Path.GetFullPath(path);
        try
        {
            var directory = new DataDirectory(folder) { Warning = PrivateFolder.Open(folder, IsOwn) };
            foreach (var name in Subfolders) PrivateFolder.Create(Path.Combine(folder, name));
            var ignore = Path.Combine(directory.FullName, ".gitignore");
            if (!File.Exists(ignore)) File.WriteAllText(ignore, "*\n");

            // SQLite would create it for everyone to read. An empty file is a database without tables.
            PrivateFile.Create(directory.SendStateFile, FileMode.OpenOrCreate).Dispose();
            EnsureKey(directory.PrivateKeyFile);
            EnsureKey(directory.SimulatedPrivateKeyFile);
            return directory;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"The data folder '{folder}' cannot be used: {Wording.Sentence(e.Message)} Choose another with --data.", e);
        }
    }

    /// <summary>Bytes of a ledger on disk, with its write-ahead log.</summary>
    /// <param name="folder">The data folder.</param>
    public static long LedgerBytes(string folder) =>
        new[] { LedgerName, $"{LedgerName}-wal" }.Select(name => new FileInfo(Path.Combine(folder, name))).Sum(file => file.Exists ? file.Length : 0);

    /// <summary>Whether this program wrote an entry of the folder.</summary>
    private static bool IsOwn(string name) =>
        name is ".gitignore" or "sample-catalog.ndjson" || Subfolders.Contains(name) || name.StartsWith(LedgerName, StringComparison.Ordinal)
        || name.StartsWith(SendStateName, StringComparison.Ordinal);

    // Two processes may open a new folder at the same time: the file appears complete or not at all, and the first key wins.
    private static void EnsureKey(string file)
    {
        if (File.Exists(file)) return;
        using var key = RSA.Create(2048);
        var draft = $"{file}.{Environment.ProcessId}.draft";
        PrivateFile.Write(draft, key.ExportPkcs8PrivateKeyPem() + "\n");
        try
        {
            File.Move(draft, file, overwrite: false);
        }
        catch (IOException) when (File.Exists(file))
        {
            File.Delete(draft);
        }
    }
}
