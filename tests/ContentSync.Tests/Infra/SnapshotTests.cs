using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContentSync.Tests.Infra;

/// <summary>A change to the templates shows up in the review as a change to the snapshot files.</summary>
[Collection(InfrastructureTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class SnapshotTests(InfrastructureFixture fixture)
{
    private const string Refresh = "REFRESH_SNAPSHOTS";

    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [BicepFact]
    public Task The_small_size_matches_its_reviewed_snapshot() => MatchesAsync(fixture.Infrastructure.Small);

    [BicepFact]
    public Task The_production_size_matches_its_reviewed_snapshot() => MatchesAsync(fixture.Infrastructure.Production);

    private static async Task MatchesAsync(Effect effect)
    {
        var name = effect.Name;
        var file = Path.Combine(InfrastructureFixture.Source, "snapshots", $"{name}.json");
        var actual = Text(effect.Document);

        if (Environment.GetEnvironmentVariable(Refresh) == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllTextAsync(file, actual);
            return;
        }

        var expected = File.Exists(file) ? (await File.ReadAllTextAsync(file)).ReplaceLineEndings("\n") : "";
        Assert.True(expected == actual, $"""
            The {name} size differs from infra/snapshots/{name}.json from line {FirstDifference(expected, actual)} on.
            If that is intended, refresh the file and review the difference:
              {Refresh}=1 dotnet test tests/ContentSync.Tests --filter FullyQualifiedName~SnapshotTests
            """);
    }

    /// <summary>
    /// The document as JSON. Outputs are sorted, since the compiler returns them in varying order. The workbook is left out; it has its own file.
    /// </summary>
    private static string Text(JsonObject document)
    {
        var sorted = document.DeepClone().AsObject();
        sorted["outputs"] = new JsonObject(document["outputs"]!.AsObject().OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => KeyValuePair.Create(one.Key, one.Value?.DeepClone())));
        new Effect("", sorted).The("Microsoft.Insights/workbooks")["properties.serializedData"] = "infra/workbook.json";
        return sorted.ToJsonString(s_readable) + "\n";
    }

    private static int FirstDifference(string expected, string actual) =>
        1 + expected.Split('\n').Zip(actual.Split('\n')).TakeWhile(pair => pair.First == pair.Second).Count();
}
