using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Resync;
using ContentSync.Tests.Sqlite;

namespace ContentSync.Tests.Catalog;

/// <summary>What is declared about a catalog: as of when it is, and how to tell that it is complete.</summary>
public sealed class CatalogDeclarationTests : IDisposable
{
    private static readonly DateTimeOffset Nine = new(2026, 11, 27, 9, 0, 0, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("line", null, null, AsOfSource.FirstLine)]
    [InlineData("array", null, null, AsOfSource.FirstLine)]
    [InlineData("packed line", null, null, AsOfSource.FirstLine)]
    [InlineData("line", "2026-11-27T07:00:00Z", null, AsOfSource.FirstLine)]
    [InlineData("line", "2026-11-27T07:00:00Z", "2026-11-27T09:00:00Z", AsOfSource.Option)]
    [InlineData(null, "2026-11-27T17:00:00+08:00", null, AsOfSource.SideFile)]
    [InlineData(null, null, "2026-11-27T09:00:00Z", AsOfSource.Option)]
    [InlineData(null, null, null, AsOfSource.TimeWritten)]
    public async Task The_first_place_that_gives_a_time_counts(string? form, string? sideFile, string? option, AsOfSource expected)
    {
        var path = _folder.File("catalog.ndjson");
        const string Line = """{"catalog":{"asOf":"2026-11-27T09:00:00Z"}}""";
        var item = TestSnapshot.Line("a", "1").TrimEnd();
        var text = form switch
        {
            null => item,
            "array" => $"[ {Line},\n{item}]",
            _ => $"{Line}\n{item}\n",
        };
        await File.WriteAllBytesAsync(path, form == "packed line" ? Packed(text) : Encoding.UTF8.GetBytes(text));
        File.SetLastWriteTimeUtc(path, Nine.UtcDateTime);
        if (sideFile is not null) await File.WriteAllTextAsync(path + ".meta.json", $$"""{"asOf":"{{sideFile}}"}""");
        var declared = new CatalogDeclaration { AsOf = option is null ? null : DateTimeOffset.Parse(option, null) };

        var snapshot = new DeclaredSnapshot((await new FileCatalogSource(path).FindNewestAsync(default))!, declared, overridesNewer: false);

        Assert.Equal((Nine, expected), (snapshot.AsOf, snapshot.AsOfSource));
    }

    [Theory]
    [InlineData("""{"asOf":"yesterday"}""", "asOf must be")]
    [InlineData("""{"items":-1}""", "items must be")]
    [InlineData("""{"sha256":"12"}""", "sha256 must be")]
    [InlineData("""{"rows":1}""", "unknown member 'rows'")]
    [InlineData("[]", "must be a JSON object")]
    [InlineData("{", "not one JSON object")]
    public async Task Says_what_is_wrong_with_a_side_file(string sideFile, string expected)
    {
        var path = _folder.File("catalog.ndjson");
        await File.WriteAllTextAsync(path, TestSnapshot.Line("a", "1"));
        await File.WriteAllTextAsync(path + ".meta.json", sideFile);

        var fault = await Assert.ThrowsAsync<CatalogFormatException>(async () => await new FileCatalogSource(path).FindNewestAsync(default));

        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.Contains(".meta.json", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Compares_the_bytes_as_stored_with_the_declared_digest(bool isDeclared)
    {
        var path = _folder.File("catalog.ndjson.gz");
        var bytes = Packed(TestSnapshot.Line("a", "1"));
        await File.WriteAllBytesAsync(path, bytes);
        var digest = Convert.ToHexString(SHA256.HashData(isDeclared ? bytes : [1]));
        await File.WriteAllTextAsync(path + ".meta.json", $$"""{"sha256":"{{digest}}"}""");
        var snapshot = new DeclaredSnapshot(
            (await new FileCatalogSource(path).FindNewestAsync(default))!, new CatalogDeclaration(), overridesNewer: false);
        var options = new ContentOptions();
        var reader = new CatalogReader(new ContentReader(options, TimeProvider.System), options);

        if (isDeclared) Assert.Equal(1, await reader.CountAsync(snapshot, default));
        else await Assert.ThrowsAsync<CatalogFormatException>(() => reader.CountAsync(snapshot, default));

        Assert.Equal(isDeclared, snapshot.IsProven);
    }

    [Fact]
    public async Task A_line_with_more_members_than_catalog_is_an_item()
    {
        var options = new ContentOptions();
        var reader = new CatalogReader(new ContentReader(options, TimeProvider.System), options);
        var text = """{"catalog":{"items":7},"contentId":"a"}""" + "\n" + TestSnapshot.Line("b", "1");

        Assert.Equal(2, await reader.CountAsync(new TestSnapshot(text), default));
    }

    [Fact]
    public void A_fingerprint_changes_with_everything_that_decides_what_a_run_does()
    {
        Directory.CreateDirectory(_folder.File("schemas"));
        var options = new ContentOptions { SchemaDirectory = _folder.File("schemas") };
        var fingerprints = new List<string> { Of(new TestSnapshot("a"), options) };
        Assert.Equal(fingerprints[0], Of(new TestSnapshot("a", Nine), options));

        fingerprints.Add(Of(new TestSnapshot("b"), options));
        fingerprints.Add(Of(new DeclaredSnapshot(new TestSnapshot("a"), new CatalogDeclaration { AsOf = Nine }, overridesNewer: false), options));
        options.MaxTextLength++;
        fingerprints.Add(Of(new TestSnapshot("a"), options));
        File.WriteAllText(Path.Combine(options.SchemaDirectory, "SKU.schema.json"), "{}");
        fingerprints.Add(Of(new TestSnapshot("a"), options));
        File.WriteAllText(Path.Combine(options.SchemaDirectory, "SKU.schema.json"), """{"type":"object"}""");
        fingerprints.Add(Of(new TestSnapshot("a"), options));

        Assert.Equal(fingerprints.Count, fingerprints.Distinct().Count());
    }

    private static string Of(ICatalogSnapshot snapshot, ContentOptions options) => CatalogFingerprint.Of(snapshot, options);

    private static byte[] Packed(string text)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(Encoding.UTF8.GetBytes(text));
        return packed.ToArray();
    }
}
