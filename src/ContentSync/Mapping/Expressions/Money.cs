using System.Globalization;

namespace ContentSync.Mapping.Expressions;

/// <summary>
/// Amounts as feeds write them: <c>15.00 USD</c>, <c>HK$ 1,234.50</c>, <c>1 234,50 EUR</c>, <c>.5</c>. Computed in decimal, never rounded.
/// </summary>
internal static class Money
{
    private static readonly HashSet<string> WithoutDecimals = ["JPY", "KRW", "VND", "CLP", "ISK", "XAF", "XOF"];

    private static readonly HashSet<string> ThreeDecimals = ["BHD", "KWD", "OMR", "JOD", "TND"];

    /// <summary>Digits after the decimal point of a currency (ISO 4217); 2 if it is not known.</summary>
    public static int Decimals(string? currency) => currency switch
    {
        null => 2,
        _ when WithoutDecimals.Contains(currency) => 0,
        _ when ThreeDecimals.Contains(currency) => 3,
        _ => 2,
    };

    /// <exception cref="ExpressionException">Not an amount.</exception>
    public static (decimal Amount, string? Currency) Parse(string text)
    {
        var letters = new string([.. text.Where(char.IsAsciiLetter)]).ToUpperInvariant();
        var currency = letters switch
        {
            { Length: 3 } => letters,
            "HK" or "US" or "NT" when text.Contains('$', StringComparison.Ordinal) => letters == "NT" ? "TWD" : letters + "D",
            "" => text.Contains('€', StringComparison.Ordinal) ? "EUR" : text.Contains('£', StringComparison.Ordinal) ? "GBP" : null,
            _ => throw Fault(text),
        };
        var number = Digits(text);
        return (Number(number, text), currency);
    }

    /// <summary>The amount, checked against the expected currency and the currency's number of decimals.</summary>
    /// <exception cref="ExpressionException">Another currency, or more decimals than it has.</exception>
    public static (decimal Amount, int Decimals) Exact(string text, string? expected)
    {
        var (amount, currency) = Parse(text);
        if (expected is not null && currency is not null && !string.Equals(currency, expected, StringComparison.OrdinalIgnoreCase))
            throw new ExpressionException($"the amount is in {currency}; {expected} is expected");
        var decimals = Decimals((expected ?? currency)?.ToUpperInvariant());
        return decimal.Round(amount, decimals) == amount
            ? (amount, decimals)
            : throw new ExpressionException($"the amount has more than {decimals} decimals; it is not rounded");
    }

    // Keeps digits, separators and the sign; drops currency and blanks, which some use as thousands separators.
    private static string Digits(string text)
    {
        foreach (var c in text)
        {
            var isMark = c is '.' or ',' or '-' or '+' or '\'' or '$' or '€' or '£' or '¥';
            if (!isMark && !char.IsAsciiLetterOrDigit(c) && !char.IsWhiteSpace(c)) throw Fault(text);
        }

        return new string([.. text.Where(c => char.IsAsciiDigit(c) || c is '.' or ',' or '-')]);
    }

    private static decimal Number(string number, string text)
    {
        var point = number.LastIndexOfAny(['.', ',']);
        if (point >= 0)
        {
            var separator = number[point];
            var isThousands = number.Count(separator) > 1
                || (separator == ',' && number.Length - point - 1 == 3 && !number.Contains('.', StringComparison.Ordinal) && number[0] != '0');
            var whole = number[..point].Replace(",", "", StringComparison.Ordinal).Replace(".", "", StringComparison.Ordinal);
            number = isThousands ? whole + number[(point + 1)..] : $"{whole}.{number[(point + 1)..]}";
        }

        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint;
        return number.Any(char.IsAsciiDigit) && decimal.TryParse(number, Style, CultureInfo.InvariantCulture, out var amount)
            ? amount
            : throw Fault(text);
    }

    private static ExpressionException Fault(string text) =>
        new($"'{Content.Excerpt.Of(text)}' is not an amount such as 15.00 USD, HK$15 or 1.234,50 EUR");
}
