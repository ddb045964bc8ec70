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

    /// <summary>Creates a submission with its own revision, a number or a time.</summary>
    public Submission Of(string contentId, string content, Revision revision, string contentType = "SKU") =>
        new(Item(contentId, content, contentType) with { Revision = revision }, revision, Prepare);

    public Submission Of(string contentId, string content, long revision, string contentType = "SKU") =>
        Of(contentId, content, Revision.Of(revision), contentType);

    /// <summary>Creates a submission without a revision of its own, ordered by the time it was received.</summary>
    public Submission ReceivedAt(DateTimeOffset time, string contentId, string content) =>
        new(Item(contentId, content, "SKU"), Revision.At(time), Prepare);

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
