using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Content;

namespace ContentSync.Resync;

/// <summary>
/// Identifies a snapshot together with everything else that decides what a run makes of it: its as-of time, the limits, the content types,
/// and the schemas. A run whose fingerprint equals that of the last completed one has nothing to do.
/// </summary>
internal static class CatalogFingerprint
{
    public static string Of(ICatalogSnapshot snapshot, ContentOptions options)
    {
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(sha256, snapshot.Digest);

        // A file that was only touched holds the same catalog; a declared time is part of it.
        Add(sha256, snapshot.AsOfSource == AsOfSource.TimeWritten ? "" : snapshot.AsOf.UtcTicks.ToString(CultureInfo.InvariantCulture));
        Add(sha256, string.Create(
            CultureInfo.InvariantCulture,
            $"{options.MaxContentIdLength} {options.MaxContentInfoBytes} {options.MaxContentInfoDepth} "
            + $"{options.MaxTextLength} {options.MaxItemBytes}"));
        foreach (var type in options.ContentTypes)
        {
            Add(sha256, type);
            if (string.IsNullOrEmpty(options.SchemaDirectory)) continue;
            var schema = Path.Combine(options.SchemaDirectory, type + ".schema.json");
            Add(sha256, File.Exists(schema) ? Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(schema))) : "");
        }

        return Convert.ToHexStringLower(sha256.GetHashAndReset());
    }

    private static void Add(IncrementalHash sha256, string text)
    {
        sha256.AppendData(Encoding.UTF8.GetBytes(text));
        sha256.AppendData([0]);
    }
}
