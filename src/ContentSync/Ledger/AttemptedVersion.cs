using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>Which version of an item an attempt was for, and what its outcome did to the item.</summary>
/// <param name="Version">The version as it was when the attempt began; the same content may have been raised to a newer one since.</param>
/// <param name="Digest">Hash of the content.</param>
/// <param name="Outcome">What the outcome did to the item.</param>
/// <param name="WasSent">Whether AlipayHK may have received the request; false if it ended before that, as without a signature.</param>
[JsonConverter(typeof(AttemptedVersionConverter))]
public sealed record AttemptedVersion(ChangeVersion Version, ContentHash Digest, AttemptOutcomeKind Outcome, bool WasSent)
{
    private const char None = '-';

    /// <summary>The stored form: outcome, whether it was sent, digest in base64, then the version's number and its times in UTC ticks.</summary>
    public string ToText() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(int)Outcome} {(WasSent ? 1 : 0)} {Convert.ToBase64String(Digest.ToArray())} {Text(Version.Number)} {Text(Version.GivenTime?.UtcTicks)} "
        + $"{Version.FirstReceivedAt.UtcTicks}");

    /// <summary>Reads what <see cref="ToText"/> wrote; null for no text.</summary>
    /// <exception cref="FormatException">The text was not written by <see cref="ToText"/>.</exception>
    public static AttemptedVersion? Of(string? text)
    {
        if (string.IsNullOrEmpty(text)) return null;
        var parts = text.Split(' ');
        if (parts.Length != 6) throw new FormatException($"'{text}' is not the version of an attempt: it needs six parts.");
        var digest = Convert.FromBase64String(parts[2]);
        if (digest.Length != ContentHash.Size) throw new FormatException($"'{parts[2]}' is not a digest of {ContentHash.Size} bytes in base64.");
        var version = new ChangeVersion(Number(parts[3]), Number(parts[4]) is { } given ? Time(given) : null, Time(Number(parts[5]) ?? 0));
        return new AttemptedVersion(version, new ContentHash(digest), (AttemptOutcomeKind)(Number(parts[0]) ?? 0), parts[1] == "1");
    }

    private static string Text(long? number) => number?.ToString(CultureInfo.InvariantCulture) ?? $"{None}";

    private static long? Number(string part) => part is [None] ? null : long.Parse(part, CultureInfo.InvariantCulture);

    private static DateTimeOffset Time(long ticks) => new(ticks, TimeSpan.Zero);
}

/// <summary>Reads and writes the stored form.</summary>
internal sealed class AttemptedVersionConverter : JsonConverter<AttemptedVersion>
{
    public override AttemptedVersion? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        AttemptedVersion.Of(reader.GetString());

    public override void Write(Utf8JsonWriter writer, AttemptedVersion value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToText());
}
