namespace ContentSync.Diagnostics;

/// <summary>
/// The version of what this program stores. Every version reads the formats of earlier ones; data of a newer one is refused, because
/// rewriting it would drop what this version does not know. Data without a version has format 1.
/// </summary>
internal static class StoredFormat
{
    /// <summary>The format of all data whose format has not changed.</summary>
    public const int Current = 1;

    /// <summary>Property of a table entity and member of a JSON document; absent means 1.</summary>
    public const string Property = "FormatVersion";

    /// <summary>Why data of a format cannot be used, in one sentence; null for a readable format.</summary>
    /// <param name="what">Subject of the sentence, such as <c>The blob x of y</c>.</param>
    /// <param name="format">As stored; null for data without one.</param>
    /// <param name="newest">The newest format of this kind of data that this version reads.</param>
    public static string? Fault(string what, int? format, int newest = Current) => format is null || format <= newest
        ? null
        : FormattableString.Invariant(
            $"{what} was written by a newer version of this program (format {format}, this one reads {newest}); run the newer version.");
}
