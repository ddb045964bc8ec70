using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ContentSync.Mapping.Expressions;

namespace ContentSync.Mapping;

/// <summary>Opens the files that a mapping names, such as look-up tables: a path relative to the mapping, or null if there is none.</summary>
public delegate ValueTask<Stream?> MappingFileOpener(string path, CancellationToken cancellationToken);

/// <summary>Loads mapping files and checks them completely: a mapping that was loaded can fail only for a record's values.</summary>
public static class MappingFile
{
    /// <summary>Max bytes of a mapping file, and of each look-up table.</summary>
    public const int MaxBytes = 16 * 1024 * 1024;

    /// <summary>Loads a mapping from disk.</summary>
    /// <exception cref="MappingException">It cannot be used.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static async Task<CatalogMapping> LoadAsync(string path, CancellationToken cancellationToken)
    {
        var full = Path.GetFullPath(path);
        if (!File.Exists(full)) throw new MappingException(path, [new MappingFault("", "there is no such file; draft one with: map new FEED")]);
        var stream = File.OpenRead(full);
        await using (stream.ConfigureAwait(false))
        {
            return await LoadAsync(Path.GetFileName(full), stream, Open, cancellationToken).ConfigureAwait(false);
        }

        ValueTask<Stream?> Open(string name, CancellationToken token)
        {
            var file = Path.Combine(Path.GetDirectoryName(full)!, name);
            return ValueTask.FromResult<Stream?>(File.Exists(file) ? File.OpenRead(file) : null);
        }
    }

    /// <summary>Loads a mapping from anywhere.</summary>
    /// <param name="name">For display.</param>
    /// <param name="mapping">UTF-8 JSON; comments and trailing commas are allowed.</param>
    /// <param name="open">Opens the look-up tables.</param>
    /// <param name="cancellationToken">Stops the loading.</param>
    /// <exception cref="MappingException">It cannot be used.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static async Task<CatalogMapping> LoadAsync(string name, Stream mapping, MappingFileOpener open, CancellationToken cancellationToken)
    {
        var text = await ReadAsync(name, mapping, cancellationToken).ConfigureAwait(false);
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha256.AppendData(text);
        try
        {
            var options = new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };
            using var document = JsonDocument.Parse(text, options);
            var root = new MappingNode(document.RootElement);
            var lookups = await LookupsAsync(root, open, sha256, cancellationToken).ConfigureAwait(false);
            var digest = () => Convert.ToHexStringLower(sha256.GetHashAndReset());
            return new MappingFileReader(name, digest, lookups).Read(root);
        }
        catch (JsonException e)
        {
            var line = (e.LineNumber ?? 0) + 1;
            var message = $"the JSON is broken on line {line}; check its commas, quotes and brackets there";
            throw new MappingException(name, [new MappingFault("", message)]);
        }
    }

    private static async Task<byte[]> ReadAsync(string name, Stream stream, CancellationToken cancellationToken)
    {
        using var text = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and var length)
        {
            text.Write(buffer, 0, length);
            if (text.Length > MaxBytes)
                throw new MappingException(name, [new MappingFault("", $"the file has more than {MaxBytes / 1024 / 1024} MiB")]);
        }

        var bytes = text.ToArray();
        return bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes;
    }

    private static async Task<Dictionary<string, LookupTable>> LookupsAsync(
        MappingNode root, MappingFileOpener open, IncrementalHash sha256, CancellationToken cancellationToken)
    {
        var tables = new Dictionary<string, LookupTable>(StringComparer.Ordinal);
        if (root.Object("lookups") is not { } lookups) return tables;
        foreach (var (name, lookup) in lookups.Members())
        {
            lookup.Allow("file", "key");
            var (file, key) = (lookup.RequiredText("file", "\"categories.csv\""), lookup.RequiredText("key", "\"id\""));
            if (file is null || key is null) continue;
            var stream = IsInFolder(file) ? await open(file, cancellationToken).ConfigureAwait(false) : null;
            if (stream is null)
            {
                lookup.Fault("file", $"there is no file '{file}' in the folder of the mapping; put the CSV file there");
                continue;
            }

            await using (stream.ConfigureAwait(false))
            {
                var bytes = await ReadAsync(file, stream, cancellationToken).ConfigureAwait(false);
                sha256.AppendData(bytes);
                var (table, fault) = await LookupTable.ReadAsync(new MemoryStream(bytes), key, cancellationToken).ConfigureAwait(false);
                if (table is null) lookup.Fault("file", $"the look-up table '{file}' cannot be used: {fault}");
                else tables.Add(name, table);
            }
        }

        return tables;
    }

    // A mapping reads no file outside of its own folder.
    private static bool IsInFolder(string file) =>
        !Path.IsPathRooted(file) && !file.Replace('\\', '/').Split('/').Contains("..", StringComparer.Ordinal);
}
