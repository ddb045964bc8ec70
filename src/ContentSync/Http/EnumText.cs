namespace ContentSync.Http;

/// <summary>How the API spells the names of an enum: as in code, beginning with a small letter.</summary>
internal static class EnumText
{
    public static string Of<T>(T value)
        where T : struct, Enum
    {
        var name = value.ToString();
        return char.ToLowerInvariant(name[0]) + name[1..];
    }

    public static bool TryRead<T>(string text, out T value)
        where T : struct, Enum
    {
        foreach (var candidate in Enum.GetValues<T>())
        {
            value = candidate;
            if (Of(candidate) == text) return true;
        }

        value = default;
        return false;
    }

    /// <summary>All of them, for a sentence.</summary>
    public static string All<T>()
        where T : struct, Enum => string.Join(", ", Enum.GetValues<T>().Select(Of));
}
