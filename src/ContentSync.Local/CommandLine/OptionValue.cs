using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using System.Globalization;
using ContentSync.Catalog;
using ContentSync.Http;

namespace ContentSync.Local.CommandLine;

/// <summary>
/// Parsers for the values of options. Each refuses a wrong value in one sentence that names the option, the value and a right one; the
/// library's own sentence would name a .NET type.
/// </summary>
internal static class OptionValue
{
    private const int MaxShownLength = 60;

    /// <summary>A whole number from <paramref name="min"/> to <paramref name="max"/>.</summary>
    /// <param name="min">Smallest accepted value.</param>
    /// <param name="max">Largest accepted value.</param>
    /// <param name="unit">What is counted, for the sentence: "of seconds"; empty for a plain number.</param>
    public static Func<ArgumentResult, int> Whole(int min, int max, string unit = "") => result =>
        int.TryParse(Text(result), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
            ? number
            : Refuse<int>(result, Range($"a whole number{Spaced(unit)}", min, max == int.MaxValue ? null : max));

    /// <inheritdoc cref="Whole(int, int, string)"/>
    public static Func<ArgumentResult, int?> OptionalWhole(int min, int max, string unit = "")
    {
        var parse = Whole(min, max, unit);
        return result => parse(result);
    }

    /// <summary>A number of things, 0 or more.</summary>
    public static Func<ArgumentResult, long?> OptionalCount(string unit) => result =>
        long.TryParse(Text(result), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            ? count
            : Refuse<long?>(result, Range($"a whole number {unit}", 0, null));

    /// <summary>A text for which <paramref name="accepts"/> holds; <paramref name="expected"/> completes "must be".</summary>
    public static Func<ArgumentResult, string?> Text(Func<string, bool> accepts, string expected) => result =>
        accepts(Text(result)) ? Text(result) : Refuse<string>(result, expected);

    /// <summary>A time with a zone.</summary>
    public static Func<ArgumentResult, DateTimeOffset?> ZonedTime() => result =>
        CatalogDeclaration.TryReadTime(Text(result), out var time) ? time : Refuse<DateTimeOffset?>(result, CatalogDeclaration.ExpectedTime);

    /// <summary>A number for which <paramref name="accepts"/> holds; <paramref name="expected"/> completes "must be".</summary>
    public static Func<ArgumentResult, double> Number(Func<double, bool> accepts, string expected) => result =>
        double.TryParse(Text(result), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && accepts(number)
            ? number
            : Refuse<double>(result, expected);

    /// <inheritdoc cref="Number(Func{double, bool}, string)"/>
    public static Func<ArgumentResult, double?> OptionalNumber(Func<double, bool> accepts, string expected)
    {
        var parse = Number(accepts, expected);
        return result => parse(result);
    }

    /// <summary>An absolute address for which <paramref name="accepts"/> holds; <paramref name="expected"/> completes "must be".</summary>
    public static Func<ArgumentResult, Uri?> Address(Func<Uri, bool> accepts, string expected) => result =>
        Uri.TryCreate(Text(result), UriKind.Absolute, out var address) && accepts(address) ? address : Refuse<Uri>(result, expected);

    /// <summary>One of the names of <typeparamref name="T"/>, as the API spells them.</summary>
    public static Func<ArgumentResult, T?> Name<T>()
        where T : struct, Enum => result =>
        Text(result) is [var first, .. var rest] && EnumText.TryRead<T>(char.ToLowerInvariant(first) + rest, out var value)
            ? value
            : Refuse<T?>(result, $"one of {EnumText.All<T>()}");

    /// <summary>The names that <see cref="Name"/> accepts, for a shell's completion.</summary>
    public static IEnumerable<CompletionItem> Completions<T>()
        where T : struct, Enum => Completions(Enum.GetValues<T>().Select(value => EnumText.Of(value)));

    /// <summary>Values for a shell's completion.</summary>
    public static IEnumerable<CompletionItem> Completions(IEnumerable<string> values) => values.Select(value => new CompletionItem(value));

    /// <summary>A time as <see cref="CommandLineTime"/> reads it.</summary>
    public static Func<ArgumentResult, DateTimeOffset?> Time(TimeProvider time) => result =>
        CommandLineTime.TryParse(Text(result), time, out var read) ? read : Refuse<DateTimeOffset?>(result, CommandLineTime.Expected);

    /// <summary>
    /// Refuses empty and unprintable values of every option and argument below <paramref name="root"/>. A shell passes an empty value for
    /// a variable that is not set.
    /// </summary>
    public static void RefuseEmpty(Command root)
    {
        foreach (var option in root.Options) option.Validators.Add(result => Check(result.Tokens, option.Name, result));
        foreach (var argument in root.Arguments) argument.Validators.Add(result => Check(result.Tokens, argument.Name, result));
        foreach (var command in root.Subcommands) RefuseEmpty(command);
    }

    private static void Check(IReadOnlyList<Token> tokens, string name, SymbolResult result)
    {
        foreach (var token in tokens)
        {
            if (string.IsNullOrWhiteSpace(token.Value)) result.AddError($"{name} is empty. Give a value, or leave out {name}.");
            else if (token.Value.Contains('\0', StringComparison.Ordinal)) result.AddError($"{name} contains the character U+0000.");
        }
    }

    private static string Text(ArgumentResult result) => result.Tokens.Count == 0 ? "" : result.Tokens[0].Value;

    private static T? Refuse<T>(ArgumentResult result, string expected)
    {
        var text = Text(result);

        // RefuseEmpty has a sentence of its own for these.
        if (string.IsNullOrWhiteSpace(text)) return default;
        var shown = text.Length > MaxShownLength ? text[..MaxShownLength] + "..." : text;
        result.AddError($"{Name(result)} must be {expected}, not '{shown}'.");
        return default;
    }

    private static string Name(ArgumentResult result) => result.Parent is OptionResult option ? option.Option.Name : result.Argument.Name;

    private static string Spaced(string unit) => unit.Length == 0 ? "" : " " + unit;

    private static string Range(string what, int min, int? max) => string.Create(
        CultureInfo.InvariantCulture, $"{what}{(max is null ? $", {min} or more" : $" from {min} to {max}")}");
}
