using System.Text;
using System.Text.Json;
using ContentSync.Mapping;
using NJsonSchema;

namespace ContentSync.Tests.Mapping;

public sealed class MappingFileTests
{
    private const string Valid = """{"contentId":"{{ id }}","contentType":"SKU","fields":{"name":{"source":"title"}}}""";

    [Theory]
    [InlineData("""{"contentType":"SKU","fields":{}}""", "/contentId", "is missing")]
    [InlineData("""{"contentId":"{{ id","contentType":"SKU","fields":{}}""", "/contentId", "does not parse")]
    [InlineData("""{"contentId":"{{ id | nope }}","contentType":"SKU","fields":{}}""", "/contentId", "there is no filter 'nope'; the filters are absolute_url")]
    [InlineData("""{"contentId":"a","contentType":"SKU","field":{}}""", "/field", "there is no such member")]
    [InlineData("""{"contentId":"a","contentType":"SKU","fields":{"name":{"required":true}}}""", "/fields/name", "a required field needs a source")]
    [InlineData("""{"contentId":"a","contentType":"SKU","fields":{"n":{"source":"t","type":"money","currency":"hkd"}}}""", "/fields/n/currency", "three capital letters")]
    [InlineData("""{"contentId":"a","contentType":"SKU","fields":{"n":{"source":"t","type":"number"}}}""", "/fields/n/type", "must be one of \"text\"")]
    [InlineData("""{"contentId":"a","contentType":"SKU","fields":{"n":{"source":"t","required":"yes"}}}""", "/fields/n/required", "must be true or false")]
    [InlineData("""{"contentId":"a","contentType":"SKU","fields":{"a":{"source":"t"},"a/b":{"source":"t"}}}""", "/fields/a~1b", "contains the other")]
    [InlineData("""{"contentId":"a","contentType":"SKU","contentStatus":2,"fields":{}}""", "/contentStatus", "must be 0, 1, or a list")]
    [InlineData("""{"contentId":"a","contentType":"SKU","select":["{{ x }}"],"fields":{}}""", "/select/0", "a condition has no braces")]
    [InlineData("""{"contentId":"a","contentType":"SKU","blockOn":["html"],"fields":{}}""", "/blockOn/0", "html-entity")]
    [InlineData("""{"contentId":"a","contentType":"SKU","lookups":{"c":{"file":"none.csv","key":"id"}},"fields":{}}""", "/lookups/c/file", "there is no file 'none.csv'")]
    [InlineData("""{"contentId":"a","contentType":"SKU","lookups":{"c":{"file":"../c.csv","key":"id"}},"fields":{}}""", "/lookups/c/file", "in the folder of the mapping")]
    [InlineData("""{"contentId":"a","contentType":"SKU","lookups":{"c":{"file":"c.csv","key":"code"}},"fields":{}}""", "/lookups/c/file", "it has no column 'code'; its columns are id, name")]
    [InlineData(
        """{"contentId":"a","contentType":"SKU","lookups":{"c":{"file":"c.csv","key":"id"}},"fields":{"n":{"value":"{{ a | lookup: 'c', 'no' }}"}}}""",
        "/fields/n/value",
        "the look-up table 'c' has no column 'no'; its columns are id, name")]
    [InlineData("{\n\"contentId\": }", "", "the JSON is broken on line 2")]
    public async Task A_mapping_that_cannot_work_is_refused_with_its_pointer(string mapping, string pointer, string message)
    {
        var fault = await Assert.ThrowsAsync<MappingException>(() => LoadAsync(mapping));

        var found = Assert.Single(fault.Faults, found => found.Pointer == pointer);
        Assert.Contains(message, found.Message, StringComparison.Ordinal);
        Assert.StartsWith("The mapping 'm.json' cannot be used:", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_faults_are_reported_at_once()
    {
        var fault = await Assert.ThrowsAsync<MappingException>(() => LoadAsync("""{"contentId":"{{","fields":{"n":{}},"x":1}"""));

        Assert.Equal(["/x", "/contentId", "/contentType", "/fields/n"], fault.Faults.Select(found => found.Pointer));
    }

    [Fact]
    public async Task A_table_that_cannot_be_loaded_is_one_fault_however_often_it_is_named()
    {
        var fault = await Assert.ThrowsAsync<MappingException>(() => LoadAsync("""
            {"contentId":"a","contentType":"SKU","lookups":{"c":{"file":"none.csv","key":"id"}},"fields":{"n":{"value":"{{ a | lookup: 'c', 'no' }}"}}}
            """));

        Assert.Equal(["/lookups/c/file"], fault.Faults.Select(found => found.Pointer));
    }

    [Fact]
    public async Task The_digest_changes_with_the_mapping_and_with_its_tables()
    {
        const string WithTable = """{"lookups":{"c":{"file":"c.csv","key":"id"}},"contentId":"a","contentType":"SKU","fields":{}}""";
        var digests = new[] { await LoadAsync(Valid), await LoadAsync(Valid + " "), await LoadAsync(WithTable), await LoadAsync(WithTable, "id,name\n8,y\n") };

        Assert.Equal(4, digests.Select(mapping => mapping.Digest).Distinct().Count());
        Assert.Equal(digests[0].Digest, (await LoadAsync(Valid)).Digest);
    }

    [Fact]
    public async Task The_schema_for_editors_names_the_members_that_the_program_reads()
    {
        var schema = JsonDocument.Parse(await File.ReadAllTextAsync(SchemaFile())).RootElement.GetProperty("properties");
        var field = schema.GetProperty("fields").GetProperty("additionalProperties").GetProperty("properties");

        Assert.Equal(MappingFileReader.Members.Order(), schema.EnumerateObject().Select(member => member.Name).Order());
        Assert.Equal(MappingFileReader.FieldMembers.Order(), field.EnumerateObject().Select(member => member.Name).Order());
        Assert.Equal(LintKinds.Names, schema.GetProperty("blockOn").GetProperty("items").GetProperty("enum").EnumerateArray().Select(kind => kind.GetString()!));
    }

    [Theory]
    [InlineData("google.tsv.mapping.json")]
    [InlineData("google.xml.mapping.json")]
    [InlineData("shopify.mapping.json")]
    public async Task The_schema_accepts_the_sample_mappings(string file)
    {
        var schema = await JsonSchema.FromFileAsync(SchemaFile());

        Assert.Empty(schema.Validate(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Samples", "feeds", file))));
        Assert.NotEmpty(schema.Validate("""{"contentId":"a"}"""));
    }

    private static string SchemaFile([System.Runtime.CompilerServices.CallerFilePath] string path = "") =>
        Path.Combine(Path.GetDirectoryName(path)!, "..", "..", "..", "src", "ContentSync", "Mapping", "mapping.schema.json");

    private static Task<CatalogMapping> LoadAsync(string mapping, string table = "id,name\n7,x\n") => MappingFile.LoadAsync(
        "m.json",
        new MemoryStream(Encoding.UTF8.GetBytes(mapping)),
        (path, _) => ValueTask.FromResult<Stream?>(path == "c.csv" ? new MemoryStream(Encoding.UTF8.GetBytes(table)) : null),
        CancellationToken.None);
}
