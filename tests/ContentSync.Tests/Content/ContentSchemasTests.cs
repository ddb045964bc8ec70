using System.Text;
using ContentSync.Content;

namespace ContentSync.Tests.Content;

public sealed class ContentSchemasTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("schemas-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<ContentReader> ReaderWith(string schema)
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "SKU.schema.json"), schema);
        var options = new ContentOptions { SchemaDirectory = _folder };
        return new ContentReader(options, TimeProvider.System, await ContentSchemas.LoadAsync(options, CancellationToken.None));
    }

    private async Task<ContentSchemaException> Fault(string schema) =>
        await Assert.ThrowsAsync<ContentSchemaException>(() => ReaderWith(schema));

    private static IReadOnlyList<ContentViolation> Violations(ContentReader reader, string contentInfo, string type = "SKU")
    {
        var item = $$"""{"contentId":"a","contentType":"{{type}}","contentStatus":1,"contentInfo":{{contentInfo}}}""";
        return reader.Read(Encoding.UTF8.GetBytes(item)).Violations;
    }

    private const string Product = """
        {
          "$schema": "http://json-schema.org/draft-07/schema#",
          "type": "object",
          "required": ["name", "priceCents"],
          "additionalProperties": false,
          "properties": {
            "name": { "type": "string", "minLength": 2, "maxLength": 10 },
            "priceCents": { "type": "integer", "minimum": 1, "maximum": 100000 },
            "currency": { "enum": ["HKD", "USD"] },
            "images": { "type": "array", "minItems": 1, "maxItems": 2, "items": { "type": "string", "pattern": "^https://" } },
            "a/b": { "type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01 },
            "brand": { "$ref": "#/definitions/brand" },
            "either": { "anyOf": [ { "type": "string" }, { "type": "object", "required": ["x"] } ] },
            "const": { "type": ["string", "null"] }
          },
          "definitions": { "brand": { "type": "object", "properties": { "code": { "type": "string" } }, "required": ["code"] } }
        }
        """;

    [Fact]
    public async Task Accepts_items_that_match_the_schema()
    {
        var reader = await ReaderWith(Product);
        Assert.Empty(Violations(reader, """
            {"name":"奶茶","priceCents":4800,"currency":"HKD","images":["https://a"],"a/b":19.99,"brand":{"code":"k"},"either":"s","const":null}
            """));
    }

    [Theory]
    [InlineData("""{"name":"ok"}""", "/contentInfo/priceCents", "requires the member 'priceCents'")]
    [InlineData("""{"name":"x","priceCents":1}""", "/contentInfo/name", "at least 2 characters")]
    [InlineData("""{"name":"01234567890","priceCents":1}""", "/contentInfo/name", "at most 10 characters")]
    [InlineData("""{"name":7,"priceCents":1}""", "/contentInfo/name", "requires the type string, not 7")]
    [InlineData("""{"name":"ok","priceCents":"1"}""", "/contentInfo/priceCents", "requires the type integer, not '1'")]
    [InlineData("""{"name":"ok","priceCents":0}""", "/contentInfo/priceCents", "of at least 1, not 0")]
    [InlineData("""{"name":"ok","priceCents":99999999999999999999999999999999999}""", "/contentInfo", "cannot be checked against the schema of SKU")]
    [InlineData("""{"name":"ok","priceCents":1,"currency":"GBP"}""", "/contentInfo/currency", "allows HKD, USD here, not 'GBP'")]
    [InlineData("""{"name":"ok","priceCents":1,"images":[]}""", "/contentInfo/images", "at least 1 elements")]
    [InlineData("""{"name":"ok","priceCents":1,"images":["https://a","http://b"]}""", "/contentInfo/images/1", "matches ^https://, not 'http://b'")]
    [InlineData("""{"name":"ok","priceCents":1,"a/b":0}""", "/contentInfo/a~1b", "above 0, not 0")]
    [InlineData("""{"name":"ok","priceCents":1,"a/b":0.001}""", "/contentInfo/a~1b", "multiple of 0.01")]
    [InlineData("""{"name":"ok","priceCents":1,"brand":{}}""", "/contentInfo/brand/code", "requires the member 'code'")]
    [InlineData("""{"name":"ok","priceCents":1,"colour":"red"}""", "/contentInfo/colour", "has no member 'colour'; it allows name, priceCents")]
    [InlineData("""{"name":"ok","priceCents":1,"either":{}}""", "/contentInfo/either", "none of the 2 forms")]
    [InlineData("""{"name":"ok","priceCents":1,"const":1}""", "/contentInfo/const", "one of the types null, string")]
    public async Task Names_the_value_the_rule_and_what_is_valid(string contentInfo, string pointer, string message)
    {
        var reader = await ReaderWith(Product);
        var violation = Assert.Single(Violations(reader, contentInfo));
        Assert.Equal((pointer, ViolationCodes.Schema), (violation.Pointer, violation.Code));
        Assert.Contains(message, violation.Message, StringComparison.Ordinal);
        Assert.Equal(violation, Assert.Single(Violations(reader, System.Text.Json.JsonSerializer.Serialize(contentInfo))));
    }

    [Fact]
    public async Task Reports_every_broken_rule()
    {
        var reader = await ReaderWith(Product);
        Assert.Equal(
            ["/contentInfo/currency", "/contentInfo/images/0", "/contentInfo/name", "/contentInfo/priceCents"],
            Violations(reader, """{"name":"x","currency":"","images":["ftp"]}""")
                .Select(violation => violation.Pointer)
                .Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("1e999")]
    [InlineData("-1e999")]
    [InlineData("1e-999")]
    public async Task Does_not_throw_for_numbers_out_of_range(string number)
    {
        var reader = await ReaderWith("""{"properties":{"n":{"type":"number","minimum":1,"maximum":2,"multipleOf":0.5}}}""");
        Assert.All(Violations(reader, $$"""{"n":{{number}}}"""), violation => Assert.Equal(ViolationCodes.Schema, violation.Code));
        Assert.NotEmpty(Violations(reader, $$"""{"n":{{number}}}"""));
    }

    [Fact]
    public async Task Treats_text_that_looks_like_a_date_as_text()
    {
        var reader = await ReaderWith("""{"properties":{"t":{"type":"string","pattern":"^2026-01-01T00:00:00Z$","maxLength":20}}}""");
        Assert.Empty(Violations(reader, """{"t":"2026-01-01T00:00:00Z"}"""));
    }

    [Fact]
    public async Task Does_not_check_a_type_without_a_schema_file()
    {
        var reader = await ReaderWith(Product);
        Assert.Empty(Violations(reader, """{"unknown":1}""", type: "MOVIE"));
        Assert.NotEmpty(Violations(reader, """{"unknown":1}"""));
    }

    [Fact]
    public async Task Resolves_references_within_the_file()
    {
        var reader = await ReaderWith("""{"$defs":{"n":{"type":"number"}},"properties":{"a":{"$ref":"#/$defs/n"},"self":{"$ref":"#"}}}""");
        Assert.Equal("/contentInfo/self/a", Assert.Single(Violations(reader, """{"a":1,"self":{"a":"x"}}""")).Pointer);
    }

    [Fact]
    public async Task Loads_nothing_without_a_folder() =>
        Assert.Empty((await ContentSchemas.LoadAsync(new ContentOptions(), CancellationToken.None)).ContentTypes);

    [Fact]
    public async Task Accepts_a_byte_order_mark() => Assert.NotEmpty(Violations(await ReaderWith("\uFEFF" + Product), "{}"));

    [Fact]
    public async Task Says_that_the_folder_is_missing()
    {
        var options = new ContentOptions { SchemaDirectory = Path.Combine(_folder, "missing") };
        var fault = await Assert.ThrowsAsync<ContentSchemaException>(() => ContentSchemas.LoadAsync(options, CancellationToken.None));
        Assert.Contains("missing", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("{", "JSON")]
    [InlineData("[]", "must be a JSON object")]
    [InlineData("""{"type":"strin"}""", "'/type', there is no type strin")]
    [InlineData("""{"anyOf":[{"type":["null","float"]}]}""", "'/anyOf/0/type', there is no type float")]
    [InlineData("""{"type":7}""", "'/type', there is no type 7")]
    [InlineData("""{"enum":["a","2026-01-01T00:00:00Z"]}""", "'/enum', a date and time in an enum")]
    [InlineData("""{"enum":"a"}""", "'/enum', an enum must be an array")]
    [InlineData("""{"properties":[]}""", "'properties' must be a JSON object")]
    [InlineData("""{"properties":{"a":{"pattern":"("}}}""", "regular expression")]
    [InlineData(
        """{"properties":{"a":{"$ref":"https://example.com/s.json"}}}""",
        "'/properties/a/$ref', $ref 'https://example.com/s.json' is refused")]
    [InlineData("""{"properties":{"a":{"$ref":"other.json#/x"}}}""", "is refused")]
    [InlineData("""{"properties":{"a":{"$ref":"#/definitions/none"}}}""", "cannot be used")]
    [InlineData("""{"allOf":[{"items":{"const":1}}]}""", "'/allOf/0/items/const', the keyword 'const' is not supported")]
    [InlineData("""{"if":{},"then":{}}""", "'if' is not supported")]
    public async Task Refuses_an_invalid_schema_file_and_names_it(string schema, string fault)
    {
        var message = (await Fault(schema)).Message;
        Assert.Contains("SKU.schema.json", message, StringComparison.Ordinal);
        Assert.Contains(fault, message, StringComparison.Ordinal);
    }
}
