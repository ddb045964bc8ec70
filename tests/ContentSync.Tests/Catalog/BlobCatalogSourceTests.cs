using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using ContentSync.Catalog;
using ContentSync.Mapping;
using ContentSync.Resync;
using ContentSync.Tests.Resync;

namespace ContentSync.Tests.Catalog;

public sealed class BlobCatalogSourceTests : IDisposable
{
    private readonly FakeContainer _blobs = new();
    private readonly HttpClient _http;
    private const string Mapping = """
        {"contentId":"{{ id }}","contentType":"SKU","lookups":{"cities":{"file":"cities.csv","key":"code"}},
         "fields":{"name":{"source":"title"},"city":{"value":"{{ city | lookup: 'cities', 'name' }}"}}}
        """;

    private readonly BlobContainerClient _container;
    private readonly BlobCatalogSource _source;

    public BlobCatalogSourceTests()
    {
        _http = new HttpClient(_blobs);
        var options = new BlobClientOptions { Transport = new HttpClientTransport(_http), Retry = { MaxRetries = 0 } };
        _container = new BlobContainerClient(new Uri("https://account.blob.example/catalog?sig=secret"), options);
        _source = new BlobCatalogSource(_container);
    }

    public void Dispose() => _http.Dispose();

    [Fact]
    public async Task Finds_the_newest_blob_and_reads_all_of_it()
    {
        var text = string.Concat(Enumerable.Range(0, 80_000).Select(i => TestSnapshot.Line($"id-{i}", "1")));
        _blobs.Put("b-old.ndjson", "old", day: 1);
        _blobs.Put("a-new.ndjson", text, day: 2);
        var snapshot = (await _source.FindNewestAsync(default))!;

        await using var stream = await snapshot.OpenAsync(default);
        using var reader = new StreamReader(stream);

        Assert.Equal(("a-new.ndjson", new DateTimeOffset(2026, 3, 2, 0, 0, 0, TimeSpan.Zero)), (snapshot.Name, snapshot.WrittenAt));
        Assert.Equal(text, await reader.ReadToEndAsync());
        Assert.True(await snapshot.IsIntactAsync(default));
    }

    [Fact]
    public async Task A_catalog_names_the_mapping_beside_it_in_its_metadata()
    {
        _blobs.Put("google.tsv", "id\ttitle\tcity\na\tTea\t1\nb\tCake\t2\n", day: 1, metadata: "<mapping>google.tsv</mapping>");
        _blobs.Put("mappings/google.tsv.mapping.json", Mapping, day: 3);
        _blobs.Put("mappings/cities.csv", "code,name\n1,Central\n2,Sha Tin\n", day: 3);
        using var world = new ResyncWorld();
        var mappings = new MappingCache(new BlobMappings(_container), TimeProvider.System);

        var source = new NamedMappingSource(_source, mappings);
        var run = await world.RunAsync(source);

        Assert.Equal((ResyncRunState.Completed, "google.tsv.mapping.json"), (run.State, run.MappingName));
        Assert.Equal((await source.FindNewestAsync(default))!.MappingDigest, run.Mapping);
        Assert.Equal("""1 {"name":"Tea","city":"Central"}""", world.AlipayHk.Items["a"]);
        Assert.Equal("""1 {"name":"Cake","city":"Sha Tin"}""", world.AlipayHk.Items["b"]);
    }

    [Theory]
    [InlineData(null, "There is no mapping 'google.tsv': no file google.tsv.mapping.json in https://account.blob.example/catalog/mappings/.")]
    [InlineData("""{"contentId":"{{ id | nonsense }}","contentType":"SKU","fields":{}}""", "nonsense")]
    public async Task A_catalog_whose_mapping_cannot_be_used_is_not_read(string? mapping, string says)
    {
        _blobs.Put("google.tsv", "id\na\n", day: 1, metadata: "<mapping>google.tsv</mapping>");
        if (mapping is not null) _blobs.Put("mappings/google.tsv.mapping.json", mapping, day: 1);
        var source = new NamedMappingSource(_source, new MappingCache(new BlobMappings(_container), TimeProvider.System));

        var fault = await Assert.ThrowsAsync<CatalogSourceException>(async () => await source.FindNewestAsync(default));

        Assert.Contains(says, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Finds_no_snapshot_in_an_empty_container() => Assert.Null(await _source.FindNewestAsync(default));

    [Fact]
    public async Task Detects_that_a_blob_was_replaced_or_deleted()
    {
        _blobs.Put("a", "1", day: 1);
        var snapshot = (await _source.FindNewestAsync(default))!;
        _blobs.Put("a", "2", day: 2);

        Assert.False(await snapshot.IsIntactAsync(default));
        var fault = await Assert.ThrowsAsync<IOException>(async () => await snapshot.OpenAsync(default));
        Assert.Contains("was replaced", fault.Message, StringComparison.Ordinal);
        Assert.NotEqual(snapshot.Digest, (await _source.FindNewestAsync(default))!.Digest);

        _blobs.Clear();
        Assert.False(await snapshot.IsIntactAsync(default));
    }

    [Fact]
    public async Task Reads_what_the_metadata_declares_and_prefers_the_first_line()
    {
        _blobs.Put("a", TestSnapshot.Line("a", "1"), day: 1, "<AsOf>2026-02-28T09:00:00Z</AsOf><items>3</items><writer>erp</writer>");
        var snapshot = (await _source.FindNewestAsync(default))!;
        Assert.Equal((new DateTimeOffset(2026, 2, 28, 9, 0, 0, TimeSpan.Zero), AsOfSource.Metadata), (snapshot.AsOf, snapshot.AsOfSource));
        Assert.Equal(3, snapshot.Declared.Items);

        _blobs.Put("a", """{"catalog":{"asOf":"2026-02-28T10:00:00Z"}}""" + "\n", day: 2, "<asof>2026-02-28T09:00:00Z</asof>");
        snapshot = (await _source.FindNewestAsync(default))!;
        Assert.Equal((new DateTimeOffset(2026, 2, 28, 10, 0, 0, TimeSpan.Zero), AsOfSource.FirstLine), (snapshot.AsOf, snapshot.AsOfSource));

        _blobs.Put("a", TestSnapshot.Line("a", "1"), day: 3, "<items>many</items>");
        await Assert.ThrowsAsync<CatalogFormatException>(async () => await _source.FindNewestAsync(default));
    }

    [Theory]
    [InlineData(HttpStatusCode.Unauthorized, "401")]
    [InlineData(HttpStatusCode.Forbidden, "403")]
    public async Task Reports_refused_access_and_the_role_that_is_needed_without_the_signature_in_the_address(HttpStatusCode status, string says)
    {
        _blobs.Refusal = status;

        var fault = await Assert.ThrowsAsync<CatalogSourceException>(async () => await _source.FindNewestAsync(default));

        Assert.Contains(says, fault.Message, StringComparison.Ordinal);
        Assert.Contains("Storage Blob Data Reader", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", fault.Message + _source.Name, StringComparison.Ordinal);
    }

    /// <summary>Responds to the three calls that a source makes, as documented for the Blob service.</summary>
    private sealed class FakeContainer : HttpMessageHandler
    {
        private readonly Dictionary<string, (byte[] Bytes, string ETag, DateTimeOffset Written, string Metadata)> _blobs = new(StringComparer.Ordinal);
        private int _writes;

        /// <summary>Status of every response; null to respond as a container does.</summary>
        public HttpStatusCode? Refusal { get; set; }

        public void Put(string name, string text, int day, string metadata = "") => _blobs[name] =
            (Encoding.UTF8.GetBytes(text), $"\"0x{++_writes}\"", new DateTimeOffset(2026, 3, day, 0, 0, 0, TimeSpan.Zero), metadata);

        public void Clear() => _blobs.Clear();

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(Respond(request));

        private HttpResponseMessage Respond(HttpRequestMessage request)
        {
            if (Refusal is { } refusal) return new HttpResponseMessage(refusal);
            if (request.RequestUri!.Query.Contains("comp=list", StringComparison.Ordinal)) return List();
            if (!_blobs.TryGetValue(Uri.UnescapeDataString(request.RequestUri.AbsolutePath["/catalog/".Length..]), out var blob)) return new HttpResponseMessage(HttpStatusCode.NotFound);
            if (request.Headers.IfMatch.FirstOrDefault() is { } match && match.Tag != blob.ETag)
                return new HttpResponseMessage(HttpStatusCode.PreconditionFailed);

            var (from, to) = Range(request, blob.Bytes.Length);
            var isPart = request.Method == HttpMethod.Get;
            var response = new HttpResponseMessage(isPart ? HttpStatusCode.PartialContent : HttpStatusCode.OK)
            {
                Content = new ByteArrayContent(isPart ? blob.Bytes[from..(to + 1)] : []),
            };
            response.Headers.ETag = new EntityTagHeaderValue(blob.ETag);
            response.Content.Headers.LastModified = blob.Written;
            response.Headers.TryAddWithoutValidation("x-ms-blob-type", "BlockBlob");
            if (isPart) response.Content.Headers.ContentRange = new ContentRangeHeaderValue(from, to, blob.Bytes.Length);
            else response.Content.Headers.ContentLength = blob.Bytes.Length;
            return response;
        }

        private static (int From, int To) Range(HttpRequestMessage request, int length)
        {
            var range = request.Headers.TryGetValues("x-ms-range", out var values) ? values.First() : request.Headers.Range?.ToString();
            if (range is null) return (0, length - 1);
            var ends = range["bytes=".Length..].Split('-');
            var to = ends[1].Length == 0 ? length - 1 : int.Parse(ends[1], CultureInfo.InvariantCulture);
            return (int.Parse(ends[0], CultureInfo.InvariantCulture), Math.Min(to, length - 1));
        }

        private HttpResponseMessage List()
        {
            var blobs = _blobs.Select(blob => $"""
                <Blob><Name>{blob.Key}</Name>
                <Properties>
                  <Last-Modified>{blob.Value.Written:R}</Last-Modified><Etag>{blob.Value.ETag.Trim('"')}</Etag>
                  <Content-Length>{blob.Value.Bytes.Length}</Content-Length><BlobType>BlockBlob</BlobType>
                </Properties><Metadata>{blob.Value.Metadata}</Metadata></Blob>
                """);
            var xml = $"""
                <?xml version="1.0" encoding="utf-8"?>
                <EnumerationResults ServiceEndpoint="https://account.blob.example/" ContainerName="catalog">
                <Blobs>{string.Concat(blobs)}</Blobs><NextMarker /></EnumerationResults>
                """;
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(xml, Encoding.UTF8, "application/xml") };
        }
    }
}
