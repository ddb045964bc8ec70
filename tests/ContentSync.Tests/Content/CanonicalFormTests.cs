using System.Globalization;
using System.Text;
using ContentSync.Content;
using CsCheck;

namespace ContentSync.Tests.Content;

public sealed class CanonicalFormTests
{
    private static readonly ContentReader Reader = new(new ContentOptions { MaxContentInfoDepth = 64 }, TimeProvider.System);

    private static ContentHash Hash(string contentInfo, string type = "SKU", int status = 1)
    {
        var item = $$"""{"contentId":"a","contentType":"{{type}}","contentStatus":{{status}},"contentInfo":{{contentInfo}}}""";
        var result = Reader.Read(Encoding.UTF8.GetBytes(item));
        Assert.Empty(result.Violations);
        return result.Item!.Hash;
    }

    [Fact]
    public void Hashes_the_documented_form()
    {
        // printf '{"a":{"c":"中\\n","d":1.0},"b":[2,1]}\n1\nSKU' | openssl dgst -sha256
        const string Digest = "fe1f85e81450ab440154b75dde279179d7033033e4528891cc808c82f2cd2a9d";
        Assert.Equal(Digest, Hash("""{ "b": [2, 1], "a": {"d":1.0, "c":"\u4E2D\u000a"} }""").ToString());
    }

    [Fact]
    public void Does_not_depend_on_contentId_or_revision()
    {
        var one = Reader.Read("""{"contentId":"a","contentType":"SKU","contentStatus":1,"contentInfo":{"n":1},"revision":1}"""u8);
        var other = Reader.Read("""{"contentId":"b","contentType":"SKU","contentStatus":1,"contentInfo":{"n":1},"revision":2}"""u8);
        Assert.Equal(one.Item!.Hash, other.Item!.Hash);
    }

    [Fact]
    public void Is_the_same_for_an_object_and_a_string_that_contains_it() =>
        Assert.Equal(Hash("""{"b":1,"a":"中"}"""), Hash("""" "{\"a\": \"\\u4e2d\", \"b\": 1}" """"));

    [Theory]
    [InlineData("""{"a":1}""", """{"a":1.0}""")]
    [InlineData("""{"a":1}""", """{"a":"1"}""")]
    [InlineData("""{"a":null,"b":1}""", """{"b":1}""")]
    [InlineData("""{"a":[1,2]}""", """{"a":[2,1]}""")]
    [InlineData("""{"a":{"b":1},"c":2}""", """{"a":{"b":1,"c":2}}""")]
    [InlineData("""{"a":"\\u0041"}""", """{"a":"A"}""")]
    [InlineData("""{"a":"é"}""", """{"a":"e\u0301"}""")]
    [InlineData("""{"a":"\",\"b\":\""}""", """{"a":"","b":""}""")]
    public void Differs_if_the_content_differs(string one, string other) => Assert.NotEqual(Hash(one), Hash(other));

    [Fact]
    public void Differs_by_type_and_status()
    {
        Assert.NotEqual(Hash("""{"a":1}"""), Hash("""{"a":1}""", type: "MOVIE"));
        Assert.NotEqual(Hash("""{"a":1}"""), Hash("""{"a":1}""", status: 0));
    }

    [Fact]
    public void Never_changes_with_member_order_white_space_or_escaping() =>
        Gen.Select(Nodes, Gen.Int).Sample((node, seed) =>
        {
            var plain = node.Write(null);
            var rewritten = node.Write(new Random(seed));
            return Hash(plain) == Hash(rewritten) && Hash(plain) == Hash(System.Text.Json.JsonSerializer.Serialize(rewritten));
        }, iter: 2_000);

    [Fact]
    public void Always_changes_with_a_changed_value_a_renamed_or_a_removed_member() =>
        Gen.Select(Nodes, Gen.Int).Sample((node, seed) =>
        {
            var random = new Random(seed);
            var changed = node.Changed(random);
            return changed.Write(null) == "{}" || Hash(node.Write(null)) != Hash(changed.Write(random));
        }, iter: 2_000);

    [Fact]
    public void Is_equal_only_for_equal_content() =>
        Gen.Select(Nodes, Nodes).Sample((one, other) =>
            (one.Write(null) == other.Write(null)) == (Hash(one.Write(null)) == Hash(other.Write(null))), iter: 2_000);

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);

    private static readonly Gen<string> Texts = Gen.OneOf(
        Gen.String[Gen.Char['a', 'e'], 0, 3],
        Gen.String[OneOf('"', '\\', '/', '\n', '\u0001', '\u007F', '中', '\u2028', '\uFFFD', ' '), 0, 6],
        OneOf("😀", "👨‍👩‍👧", "\u202E", "__proto__"));

    private static readonly Gen<Node> Leaves = Gen.OneOf<Node>(
        Texts.Select(text => (Node)new Text(text)),
        Gen.Int.Select(number => (Node)new Literal(number.ToString(CultureInfo.InvariantCulture))),
        OneOf<Node>(new Literal("true"), new Literal("null"), new Literal("1.50"), new Literal("1e999")));

    // A listed item has at least one member.
    private static readonly Gen<Node> Nodes = Objects(3).Where(node => node.Write(null) != "{}");

    private static Gen<Node> Objects(int depth)
    {
        var values = depth == 0
            ? Leaves
            : Gen.OneOf(Leaves, Objects(depth - 1), Objects(depth - 1).Array[0, 3].Select(elements => (Node)new Elements(elements)));
        return Gen.Select(Texts, values).Array[0, 5].Select(members =>
            (Node)new Members([.. members.DistinctBy(member => member.Item1).OrderBy(member => member.Item1, StringComparer.Ordinal)]));
    }

    /// <summary>A JSON value that can be written in many ways.</summary>
    private abstract record Node
    {
        /// <summary>Writes plain JSON if <paramref name="random"/> is null; otherwise shuffles, spaces and escapes at random.</summary>
        public abstract string Write(Random? random);

        /// <summary>Returns a copy with one change.</summary>
        public abstract Node Changed(Random random);

        protected static string Space(Random? random) => random is null ? "" : new string(random.GetItems<char>(" \t\r\n", random.Next(3)));
    }

    private sealed record Literal(string Token) : Node
    {
        public override string Write(Random? random) => Token;

        public override Node Changed(Random random) => new Literal(Token == "false" ? "true" : "false");
    }

    private sealed record Text(string Value) : Node
    {
        public override string Write(Random? random) => Quote(Value, random);

        public override Node Changed(Random random) => new Text(Value + "x");

        public static string Quote(string value, Random? random)
        {
            var quoted = new StringBuilder("\"");
            foreach (var c in value)
            {
                if (c is '"' or '\\' && random?.Next(2) != 0) quoted.Append('\\').Append(c);
                else if (c == '/' && random?.Next(2) == 0) quoted.Append("\\/");
                else if (c == '\n' && random?.Next(2) == 0) quoted.Append("\\n");
                else if (c < 0x20 || c is '"' or '\\' || (random?.Next(3) == 0 && !char.IsSurrogate(c))) quoted.Append(Escape(c, random));
                else quoted.Append(c);
            }

            return quoted.Append('"').ToString();
        }

        private static string Escape(char c, Random? random) =>
            "\\u" + ((int)c).ToString(random?.Next(2) == 0 ? "x4" : "X4", CultureInfo.InvariantCulture);
    }

    private sealed record Elements(Node[] Values) : Node
    {
        public override string Write(Random? random) =>
            "[" + Space(random) + string.Join(Space(random) + "," + Space(random), Values.Select(value => value.Write(random))) + Space(random) + "]";

        public override Node Changed(Random random)
        {
            if (Values.Length == 0 || random.Next(2) == 0) return new Elements([.. Values, new Literal("0")]);
            var at = random.Next(Values.Length);
            return new Elements([.. Values.Select((value, index) => index == at ? value.Changed(random) : value)]);
        }
    }

    private sealed record Members((string Name, Node Value)[] Values) : Node
    {
        public override string Write(Random? random)
        {
            var order = Values.ToArray();
            random?.Shuffle(order);
            return "{" + Space(random) + string.Join(Space(random) + "," + Space(random), order.Select(member =>
                Text.Quote(member.Name, random) + Space(random) + ":" + Space(random) + member.Value.Write(random))) + Space(random) + "}";
        }

        public override Node Changed(Random random)
        {
            if (Values.Length == 0) return new Members([("new", new Literal("0"))]);
            var at = random.Next(Values.Length);
            return random.Next(3) switch
            {
                0 => new Members([.. Values.Where((_, index) => index != at)]),
                1 => new Members([.. Values.Select((member, index) => index == at ? (member.Name + "-renamed", member.Value) : member)]),
                _ => new Members([.. Values.Select((member, index) => index == at ? (member.Name, member.Value.Changed(random)) : member)]),
            };
        }
    }
}
