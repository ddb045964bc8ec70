using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace ContentSync.Tests;

/// <summary>The glossary of CONTRIBUTING.md holds: retired words stay out of names, messages and comments of the source.</summary>
public sealed partial class GlossaryTests
{
    /// <summary>Where a retired word is right: stored and public names that must not change, and the partner who is our user.</summary>
    private static readonly string[] Allowed =
    [
        "JsonPropertyName(\"wish\")", "\"wish\"", "\"--partner-key\"", "\"--partner-key-version\"",
        "with this partner", "the partner's private RSA key", "(\"AlipayHk:PartnerKeys\"", "(\"Recoverability:SettleTime\"",
        "(\"AlipayHk:QuickRetries\"",
    ];

    [Fact]
    public void Source_uses_no_retired_word()
    {
        var found =
            from file in Directory.EnumerateFiles(SourceFolder(), "*", SearchOption.AllDirectories)
            where Path.GetExtension(file) is ".cs" or ".js" or ".html" or ".json" && !IsBuildOutput(file)
            from line in File.ReadLines(file).Select((text, index) => (Text: Allowed.Aggregate(text, (rest, allowed) => rest.Replace(allowed, "", StringComparison.Ordinal)), Number: index + 1))
            from word in Retired().Matches(line.Text)
            select $"{Path.GetRelativePath(SourceFolder(), file)}:{line.Number}: {word.Value}";

        Assert.Empty(found);
    }

    [Fact]
    public void No_line_of_the_source_is_longer_than_150_characters()
    {
        var found =
            from file in Directory.EnumerateFiles(SourceFolder(), "*.cs", SearchOption.AllDirectories)
            where !IsBuildOutput(file)
            from line in File.ReadLines(file).Select((text, index) => (Text: text, Number: index + 1))
            where line.Text.Length > 150
            select $"{Path.GetRelativePath(SourceFolder(), file)}:{line.Number}";

        Assert.Empty(found);
    }

    private static bool IsBuildOutput(string file) =>
        file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
        || file.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}", StringComparison.Ordinal);

    private static string SourceFolder([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", "..", "src"));

    [GeneratedRegex(
        @"\b(?:[Ww]hoever|[Ss]omebody|[Nn]obody|[Aa]nybody|in step|[Pp]atience|[Uu]nsound|way in|given up on|came to|[Ww]ish|[Tt]old|[Aa]nswers?|[Aa]nswered|quick retr\w+|[Pp]artners?)\b"
        + @"|\w*(?:Partner|Wish|Patience|QuickRetr|SendGate|SendPace|Unsound|Standing|SeenWebhooks|LaneBook)\w*|\bMost[A-Z]\w*")]
    private static partial Regex Retired();
}
