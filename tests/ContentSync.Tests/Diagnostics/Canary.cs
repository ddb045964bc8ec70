using System.Text;

namespace ContentSync.Tests.Diagnostics;

/// <summary>A word that a test puts into an input to find it wherever it does not belong.</summary>
internal static class Canary
{
    /// <summary>Whether a text holds the word, as it is or in base64.</summary>
    public static bool IsIn(string text, string canary) =>
        text.Contains(canary, StringComparison.OrdinalIgnoreCase)
        || text.Contains(Convert.ToBase64String(Encoding.ASCII.GetBytes(canary)).TrimEnd('=')[..^1], StringComparison.Ordinal);

    /// <summary>The part of a text that holds the word, for the message of an assertion.</summary>
    public static string Around(string text, string canary)
    {
        var at = Math.Max(0, text.IndexOf(canary, StringComparison.OrdinalIgnoreCase));
        var from = Math.Max(0, at - 200);
        return text.Substring(from, Math.Min(400, text.Length - from));
    }
}
