using System.Net;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Mapping;
using ContentSync.Resync;
using ContentSync.SimulatedStorage;
using ContentSync.Tests.Resync;

namespace ContentSync.Tests.Catalog;

public sealed class BlobCatalogSourceTests : IDisposable
{
    private readonly SimulatedBlobStorage _storage = new("catalog");
    private const string Mapping = """
        {"contentId":"{{ id }}","contentType":"SKU","lookups":{"cities":{"file":"cities.csv","key":"code"}},
         "fields":{"name":{"source":"title"},"city":{"value":"{{ city | lookup: 'cities', 'name' }}"}}}
        """;

    private readonly BlobCatalogSource _source;

    public BlobCatalogSourceTests() => _source = new BlobCatalogSource(_storage.Client);

    public void Dispose() => _storage.Dispose();

    [Fact]
    public async Task Finds_the_newest_blob_and_reads_all_of_it()
    {
        var text = string.Concat(Enumerable.Range(0, 80_000).Select(i => TestSnapshot.Line($"id-{i}", "1")));
        Put("b-old.ndjson", "old", day: 1);
        Put("a-new.ndjson", text, day: 2);
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
        Put("google.tsv", "id\ttitle\tcity\na\tTea\t1\nb\tCake\t2\n", day: 1, ("mapping", "google.tsv"));
        Put("mappings/google.tsv.mapping.json", Mapping, day: 3);
        Put("mappings/cities.csv", "code,name\n1,Central\n2,Sha Tin\n", day: 3);
        using var world = new ResyncWorld();
        var mappings = new MappingCache(new BlobMappings(_storage.Client), TimeProvider.System);

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
        Put("google.tsv", "id\na\n", day: 1, ("mapping", "google.tsv"));
        if (mapping is not null) Put("mappings/google.tsv.mapping.json", mapping, day: 1);
        var source = new NamedMappingSource(_source, new MappingCache(new BlobMappings(_storage.Client), TimeProvider.System));

        var fault = await Assert.ThrowsAsync<CatalogSourceException>(async () => await source.FindNewestAsync(default));

        Assert.Contains(says, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Finds_no_snapshot_in_an_empty_container() => Assert.Null(await _source.FindNewestAsync(default));

    [Fact]
    public async Task Detects_that_a_blob_was_replaced_or_deleted()
    {
        Put("a", "1", day: 1);
        var snapshot = (await _source.FindNewestAsync(default))!;
        Put("a", "2", day: 2);

        Assert.False(await snapshot.IsIntactAsync(default));
        var fault = await Assert.ThrowsAsync<IOException>(async () => await snapshot.OpenAsync(default));
        Assert.Contains("was replaced", fault.Message, StringComparison.Ordinal);
        Assert.NotEqual(snapshot.Digest, (await _source.FindNewestAsync(default))!.Digest);

        _storage.Container.Clear();
        Assert.False(await snapshot.IsIntactAsync(default));
    }

    [Fact]
    public async Task Reads_what_the_metadata_declares_and_prefers_the_first_line()
    {
        Put("a", TestSnapshot.Line("a", "1"), day: 1, ("AsOf", "2026-02-28T09:00:00Z"), ("items", "3"), ("writer", "erp"));
        var snapshot = (await _source.FindNewestAsync(default))!;
        Assert.Equal((new DateTimeOffset(2026, 2, 28, 9, 0, 0, TimeSpan.Zero), AsOfSource.Metadata), (snapshot.AsOf, snapshot.AsOfSource));
        Assert.Equal(3, snapshot.Declared.Items);

        Put("a", """{"catalog":{"asOf":"2026-02-28T10:00:00Z"}}""" + "\n", day: 2, ("asof", "2026-02-28T09:00:00Z"));
        snapshot = (await _source.FindNewestAsync(default))!;
        Assert.Equal((new DateTimeOffset(2026, 2, 28, 10, 0, 0, TimeSpan.Zero), AsOfSource.FirstLine), (snapshot.AsOf, snapshot.AsOfSource));

        Put("a", TestSnapshot.Line("a", "1"), day: 3, ("items", "many"));
        await Assert.ThrowsAsync<CatalogFormatException>(async () => await _source.FindNewestAsync(default));
    }

    [Theory]
    [InlineData(HttpStatusCode.Unauthorized, "401")]
    [InlineData(HttpStatusCode.Forbidden, "403")]
    public async Task Reports_refused_access_and_the_role_that_is_needed_without_the_signature_in_the_address(HttpStatusCode status, string says)
    {
        _storage.Container.Interference = _ => new HttpResponseMessage(status);

        var fault = await Assert.ThrowsAsync<CatalogSourceException>(async () => await _source.FindNewestAsync(default));

        Assert.Contains(says, fault.Message, StringComparison.Ordinal);
        Assert.Contains("Storage Blob Data Reader", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", fault.Message + _source.Name, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(BlobOutage.Unreachable, "the storage cannot be reached")]
    [InlineData(BlobOutage.Silent, "the storage did not respond in time")]
    [InlineData(BlobOutage.NoToken, "no token could be obtained")]
    [InlineData(BlobOutage.Busy, "503 ServerBusy")]
    public async Task Says_what_is_wrong_with_the_storage_wherever_it_fails(BlobOutage outage, string says)
    {
        Put("a", TestSnapshot.Line("a", "1"), day: 1);
        var snapshot = (await _source.FindNewestAsync(default))!;
        await using var opened = await snapshot.OpenAsync(default);
        _storage.Outage = outage;

        await FailsAsync(async () => await _source.FindNewestAsync(default));
        await FailsAsync(async () => await snapshot.OpenAsync(default));
        await FailsAsync(async () => await snapshot.IsIntactAsync(default));
        await FailsAsync(async () => await opened.ReadExactlyAsync(new byte[1]));
        await FailsAsync(async () => await new BlobMappings(_storage.Client).FindAsync("m", default));

        async Task FailsAsync(Func<Task> call)
        {
            var fault = await Assert.ThrowsAsync<CatalogUnavailableException>(call);
            Assert.Contains(says, fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_run_waits_for_a_storage_that_fails_while_the_catalog_is_read()
    {
        using var world = new ResyncWorld();
        Put("a", TestSnapshot.Line("a", "1"), day: 1);
        _storage.Container.Interference = request => request.Headers.TryGetValues("x-ms-range", out var range) && range.Single() == "bytes=0-4194303"
            ? SimulatedBlobContainer.Error(HttpStatusCode.ServiceUnavailable, "ServerBusy")
            : null;
        await Assert.ThrowsAsync<CatalogUnavailableException>(() => world.RunAsync(_source));
        _storage.Container.Interference = null;

        Assert.Equal(ResyncRunState.Completed, (await world.RunAsync(_source)).State);
        Assert.Equal(["a"], world.AlipayHk.Items.Keys);
    }

    private void Put(string name, string text, int day, params (string Name, string Value)[] metadata) => _storage.Container.Put(
        name,
        Encoding.UTF8.GetBytes(text),
        new DateTimeOffset(2026, 3, day, 0, 0, 0, TimeSpan.Zero),
        metadata.ToDictionary(entry => entry.Name, entry => entry.Value, StringComparer.Ordinal));
}
