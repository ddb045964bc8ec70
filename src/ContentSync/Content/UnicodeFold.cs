using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace ContentSync.Content;

/// <summary>
/// Text without differences in case, normalization and width. string.Normalize does nothing here: the hosts run without ICU
/// (InvariantGlobalization), so this reads its own table of decompositions.
/// </summary>
internal static class UnicodeFold
{
    private const char FirstSyllable = '\uAC00';
    private const int Syllables = 11_172;
    private const int Vowels = 21;
    private const int Finals = 28;

    private static readonly FrozenDictionary<char, string> Decompositions = Read();

    public static string Of(string text)
    {
        if (Ascii.IsValid(text)) return text.ToUpperInvariant();
        var folded = new StringBuilder(text.Length * 2);
        foreach (var character in text)
        {
            if (character - FirstSyllable is >= 0 and < Syllables and var syllable) AppendSyllable(folded, syllable);
            else if (Decompositions.TryGetValue(character, out var parts)) folded.Append(parts);
            else folded.Append(character);
        }

        return folded.ToString().ToUpperInvariant();
    }

    // The arithmetic of the Unicode Standard, section 3.12: a Hangul syllable is an initial consonant, a vowel and perhaps a final consonant.
    private static void AppendSyllable(StringBuilder folded, int syllable)
    {
        folded.Append((char)(0x1100 + (syllable / (Vowels * Finals)))).Append((char)(0x1161 + (syllable / Finals % Vowels)));
        if (syllable % Finals != 0) folded.Append((char)(0x11A7 + (syllable % Finals)));
    }

    private static FrozenDictionary<char, string> Read()
    {
        using var stream = typeof(UnicodeFold).Assembly.GetManifestResourceStream("ContentSync.Content.decompositions.txt")!;
        using var lines = new StreamReader(stream);
        var decompositions = new Dictionary<char, string>();
        while (lines.ReadLine() is { } line)
        {
            if (line.StartsWith('#')) continue;
            var characters = line.Split(' ').Select(code => (char)ushort.Parse(code, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
            var text = string.Concat(characters);
            decompositions.Add(text[0], text[1..]);
        }

        return decompositions.ToFrozenDictionary();
    }
}
