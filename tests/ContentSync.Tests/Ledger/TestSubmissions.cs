using System.Security.Cryptography;
using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>Creates submissions whose request bodies show the content they were prepared from.</summary>
internal sealed class TestSubmissions
{
    private int _prepared;

    /// <summary>Number of requests prepared.</summary>
    public int Prepared => Volatile.Read(ref _prepared);

    /// <summary>When all changes without a time of their own first reached us.</summary>
    public static DateTimeOffset Received { get; } = new(2026, 3, 1, 7, 0, 0, TimeSpan.Zero);

    /// <summary>Creates a submission with its own version.</summary>
    public Submission Of(string contentId, string content, ChangeVersion version, string contentType = "SKU") =>
        new(Item(contentId, content, contentType) with { Number = version.Number, OccurredAt = version.GivenTime }, version, Prepare);

    /// <summary>A version with a number.</summary>
    public static ChangeVersion Numbered(long number) => new(number, null, Received);

    /// <summary>A version with a time given by the caller.</summary>
    public static ChangeVersion Given(DateTimeOffset time) => new(null, time, Received);

    /// <summary>A version with neither.</summary>
    public static ChangeVersion At(DateTimeOffset received) => new(null, null, received);

    public Submission Of(string contentId, string content, long revision, string contentType = "SKU") =>
        Of(contentId, content, Numbered(revision), contentType);

    /// <summary>Creates a submission without a revision of its own, ordered by the time it was received.</summary>
    public Submission ReceivedAt(DateTimeOffset time, string contentId, string content) =>
        Of(contentId, content, At(time));

    /// <summary>The request body that is prepared for <paramref name="content"/>.</summary>
    public static byte[] BodyOf(string content) => Encoding.UTF8.GetBytes($$"""{"request":"{{content}}"}""");

    public static ContentHash HashOf(string content, string contentType = "SKU") =>
        new(SHA256.HashData(Encoding.UTF8.GetBytes(contentType + "\n" + content)));

    private PreparedRequest Prepare(ContentItem item)
    {
        var number = Interlocked.Increment(ref _prepared);
        var requestId = number.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);
        return new PreparedRequest(requestId, BodyOf(Encoding.UTF8.GetString(item.ContentInfo.Span)));
    }

    private static ContentItem Item(string contentId, string content, string contentType) => new()
    {
        ContentId = contentId,
        ContentType = contentType,
        ContentStatus = ContentStatus.Valid,
        ContentInfo = Encoding.UTF8.GetBytes(content),
        Hash = HashOf(content, contentType),
    };
}
