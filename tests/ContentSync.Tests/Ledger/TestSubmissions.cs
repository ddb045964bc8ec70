using System.Security.Cryptography;
using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>Makes submissions whose request ids and bodies tell which content they were prepared from.</summary>
internal sealed class TestSubmissions
{
    private int _prepared;

    /// <summary>How often a request was prepared.</summary>
    public int Prepared => Volatile.Read(ref _prepared);

    /// <summary>A submission with a revision of the caller's own, or with a time of receipt where <paramref name="revision"/> is a time.</summary>
    public Submission Of(string contentId, string content, Revision revision, string contentType = "SKU") =>
        new(Item(contentId, content, contentType) with { Revision = revision }, revision, Prepare);

    public Submission Of(string contentId, string content, long revision, string contentType = "SKU") =>
        Of(contentId, content, Revision.Of(revision), contentType);

    /// <summary>A submission without a revision of its own, ordered by when it was received.</summary>
    public Submission ReceivedAt(DateTimeOffset time, string contentId, string content) =>
        new(Item(contentId, content, "SKU"), Revision.At(time), Prepare);

    /// <summary>The body that <paramref name="content"/> is prepared into.</summary>
    public static byte[] BodyOf(string content) => Encoding.UTF8.GetBytes($$"""{"request":"{{content}}"}""");

    public static ContentHash HashOf(string content, string contentType = "SKU") =>
        new(SHA256.HashData(Encoding.UTF8.GetBytes(contentType + "\n" + content)));

    private PreparedRequest Prepare(ContentItem item)
    {
        var number = Interlocked.Increment(ref _prepared);
        return new PreparedRequest(number.ToString("x32", System.Globalization.CultureInfo.InvariantCulture), BodyOf(Encoding.UTF8.GetString(item.ContentInfo.Span)));
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
