using System.Globalization;

namespace ContentSync;

/// <summary>Parts of sentences for people.</summary>
internal static class Wording
{
    /// <summary>The number and what follows it, for example <c>1 item</c> or <c>2,000 items</c>.</summary>
    /// <param name="count">How many.</param>
    /// <param name="one">What follows the number 1, with its verb if there is one: <c>item is</c>.</param>
    /// <param name="many">What follows any other number; by default <paramref name="one"/> and an s.</param>
    public static string Count(long count, string one, string? many = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{count:N0} {(count == 1 ? one : many ?? one + "s")}");

    /// <summary>A text from elsewhere as a sentence, so that another one can follow it.</summary>
    /// <param name="text">For example a message of AlipayHK, which may lack a full stop.</param>
    public static string Sentence(string text)
    {
        var trimmed = text.TrimEnd();
        return trimmed is "" or [.., '.' or '!' or '?' or '。' or '！' or '？'] ? trimmed : trimmed + ".";
    }
}
