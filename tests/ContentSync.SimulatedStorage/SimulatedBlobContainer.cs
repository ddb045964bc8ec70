using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security;
using System.Text;

namespace ContentSync.SimulatedStorage;

/// <summary>
/// A blob container in memory, behind the client's transport: whole block blobs with metadata, read in ranges, written under conditions, listed in
/// pages and deleted. Knows as much of the protocol as this project uses. Thread-safe.
/// </summary>
/// <param name="time">Clock of the Date header and of the times of the blobs.</param>
public sealed class SimulatedBlobContainer(TimeProvider time) : HttpMessageHandler
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, Blob> _blobs = new(StringComparer.Ordinal);
    private int _writes;

    /// <summary>Responds instead of the container; null where the container shall respond, and for no such requests.</summary>
    public Func<HttpRequestMessage, HttpResponseMessage?>? Interference { get; set; }

    /// <summary>Blobs in a page of a list; the service may return fewer than its 5,000 at any time.</summary>
    public int PageSize { get; set; } = 5_000;

    /// <summary>Called with name, content and ETag after each write of a blob, before the response.</summary>
    public Action<string, byte[], string>? Written { get; set; }

    /// <summary>Writes a blob.</summary>
    /// <param name="name">Its name in the container.</param>
    /// <param name="content">Its content.</param>
    /// <param name="writtenAt">When it was written; null for now.</param>
    /// <param name="metadata">Its metadata; null for none.</param>
    /// <returns>Its ETag.</returns>
    public string Put(string name, byte[] content, DateTimeOffset? writtenAt = null, IReadOnlyDictionary<string, string>? metadata = null)
    {
        lock (_lock)
        {
            var etag = string.Create(CultureInfo.InvariantCulture, $"\"0x{++_writes:X}\"");
            _blobs[name] = new Blob(content, etag, writtenAt ?? time.GetUtcNow(), metadata ?? new Dictionary<string, string>());
            return etag;
        }
    }

    /// <summary>Deletes all blobs.</summary>
    public void Clear()
    {
        lock (_lock) _blobs.Clear();
    }

    /// <summary>Serves a request at once, on the thread of the caller.</summary>
    public HttpResponseMessage Serve(HttpRequestMessage request, byte[] body)
    {
        var response = Interference?.Invoke(request) ?? Respond(request, body);
        response.RequestMessage = request;
        response.Headers.Date = time.GetUtcNow();
        return response;
    }

    /// <summary>The error of a container that does not exist.</summary>
    public static HttpResponseMessage Missing() => Error(HttpStatusCode.NotFound, "ContainerNotFound");

    /// <summary>An error of the service.</summary>
    public static HttpResponseMessage Error(HttpStatusCode status, string code)
    {
        var xml = $"<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{code}</Message></Error>";
        var response = new HttpResponseMessage(status) { Content = new StringContent(xml, Encoding.UTF8, "application/xml") };
        response.Headers.Add("x-ms-error-code", code);
        return response;
    }

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return Serve(request, body);
    }

    private HttpResponseMessage Respond(HttpRequestMessage request, byte[] body)
    {
        if (request.RequestUri!.Query.Contains("comp=list", StringComparison.Ordinal)) return List(Query(request.RequestUri));

        // The first part of the path is the container.
        var name = Uri.UnescapeDataString(request.RequestUri.AbsolutePath[1..]).Split('/', 2)[1];
        lock (_lock)
        {
            var found = _blobs.GetValueOrDefault(name);
            if (Unmet(request, found) is { } unmet) return unmet;
            if (request.Method == HttpMethod.Put) return Write(request, name, body);
            if (found is null) return Error(HttpStatusCode.NotFound, "BlobNotFound");
            if (request.Method != HttpMethod.Delete) return Read(request, found);
            _blobs.Remove(name);
            return new HttpResponseMessage(HttpStatusCode.Accepted);
        }
    }

    private static HttpResponseMessage? Unmet(HttpRequestMessage request, Blob? found)
    {
        if (request.Headers.IfNoneMatch.FirstOrDefault() is { Tag: "*" } && found is not null)
            return Error(HttpStatusCode.Conflict, "BlobAlreadyExists");
        if (request.Headers.IfMatch.FirstOrDefault() is not { } match || match.Tag == found?.ETag) return null;

        // A blob that does not exist is missing for a reader; a writer's condition is not met.
        return found is null && request.Method != HttpMethod.Put ? null : Error(HttpStatusCode.PreconditionFailed, "ConditionNotMet");
    }

    private HttpResponseMessage Write(HttpRequestMessage request, string name, byte[] body)
    {
        const string MetadataPrefix = "x-ms-meta-";
        var metadata = request.Headers
            .Where(header => header.Key.StartsWith(MetadataPrefix, StringComparison.OrdinalIgnoreCase))
            .ToDictionary(header => header.Key[MetadataPrefix.Length..], header => header.Value.Single(), StringComparer.OrdinalIgnoreCase);
        var etag = Put(name, body, metadata: metadata);
        Written?.Invoke(name, body, etag);
        var response = new HttpResponseMessage(HttpStatusCode.Created) { Content = new ByteArrayContent([]) };
        response.Headers.ETag = new EntityTagHeaderValue(etag);
        response.Content.Headers.LastModified = time.GetUtcNow();
        return response;
    }

    private static HttpResponseMessage Read(HttpRequestMessage request, Blob found)
    {
        var length = found.Content.Length;
        var range = Range(request, length);
        if (range?.From >= length) return Error(HttpStatusCode.RequestedRangeNotSatisfiable, "InvalidRange");
        var part = range is var (from, to) ? found.Content[from..(to + 1)] : found.Content;
        var response = new HttpResponseMessage(range is null ? HttpStatusCode.OK : HttpStatusCode.PartialContent)
        {
            Content = new ByteArrayContent(request.Method == HttpMethod.Head ? [] : part),
        };
        response.Headers.ETag = new EntityTagHeaderValue(found.ETag);
        response.Content.Headers.LastModified = found.WrittenAt;
        response.Headers.Add("x-ms-blob-type", "BlockBlob");
        foreach (var (name, value) in found.Metadata) response.Headers.Add($"x-ms-meta-{name}", value);
        if (range is var (first, last)) response.Content.Headers.ContentRange = new ContentRangeHeaderValue(first, last, length);
        else response.Content.Headers.ContentLength = length;
        return response;
    }

    private static (int From, int To)? Range(HttpRequestMessage request, int length)
    {
        var range = request.Headers.TryGetValues("x-ms-range", out var values) ? values.First() : request.Headers.Range?.ToString();
        if (range is null) return null;
        var ends = range["bytes=".Length..].Split('-');
        var to = ends[1].Length == 0 ? length - 1 : int.Parse(ends[1], CultureInfo.InvariantCulture);
        return (int.Parse(ends[0], CultureInfo.InvariantCulture), Math.Min(to, length - 1));
    }

    private HttpResponseMessage List(Dictionary<string, string> query)
    {
        var (prefix, marker) = (query.GetValueOrDefault("prefix", ""), query.GetValueOrDefault("marker", ""));
        var xml = new StringBuilder("<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>");
        string? next = null;
        lock (_lock)
        {
            var left = PageSize;
            foreach (var (name, blob) in _blobs)
            {
                if (!name.StartsWith(prefix, StringComparison.Ordinal) || string.CompareOrdinal(name, marker) < 0) continue;
                if (left-- == 0)
                {
                    next = name;
                    break;
                }

                Append(xml, name, blob);
            }
        }

        xml.Append(CultureInfo.InvariantCulture, $"</Blobs><NextMarker>{SecurityElement.Escape(next)}</NextMarker></EnumerationResults>");
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(xml.ToString(), Encoding.UTF8, "application/xml") };
    }

    private static void Append(StringBuilder xml, string name, Blob blob)
    {
        xml.Append(CultureInfo.InvariantCulture, $"<Blob><Name>{SecurityElement.Escape(name)}</Name><Properties>");
        xml.Append(CultureInfo.InvariantCulture, $"<Last-Modified>{blob.WrittenAt:R}</Last-Modified>");
        xml.Append(CultureInfo.InvariantCulture, $"<Etag>{blob.ETag.Trim('"')}</Etag><Content-Length>{blob.Content.Length}</Content-Length>");
        xml.Append("<BlobType>BlockBlob</BlobType></Properties><Metadata>");
        foreach (var (key, value) in blob.Metadata) xml.Append(CultureInfo.InvariantCulture, $"<{key}>{SecurityElement.Escape(value)}</{key}>");
        xml.Append("</Metadata></Blob>");
    }

    private static Dictionary<string, string> Query(Uri address) => address.Query.TrimStart('?').Split('&')
        .Select(pair => pair.Split('=', 2))
        .Where(pair => pair.Length == 2)
        .ToDictionary(pair => pair[0], pair => Uri.UnescapeDataString(pair[1]), StringComparer.Ordinal);

    private sealed record Blob(byte[] Content, string ETag, DateTimeOffset WrittenAt, IReadOnlyDictionary<string, string> Metadata);
}
