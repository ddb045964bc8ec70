using System.Security.Cryptography;
using ContentSync.AlipayHk;

namespace ContentSync.Tests.AlipayHk;

public sealed class AlipayHkOptionsValidatorTests
{
    private static readonly string Pem = RSA.Create(2048).ExportSubjectPublicKeyInfoPem();

    [Fact]
    public void Accepts_the_settings_that_AlipayHK_provides() => Assert.Empty(Faults(_ => { }));

    [Fact]
    public void Accepts_a_request_timeout_that_is_as_long_as_the_total_timeout() =>
        Assert.Empty(Faults(options => options.RequestTimeout = options.TotalTimeout = TimeSpan.FromSeconds(20)));

    [Theory]
    [InlineData("http://localhost:7072")]
    [InlineData("http://127.0.0.1:7072/")]
    [InlineData("http://[::1]:7072")]
    public void Accepts_plain_http_on_loopback(string address) =>
        Assert.Empty(Faults(options => options.BaseAddress = new Uri(address)));

    [Theory]
    [InlineData("http://gateway.example", "AlipayHk:BaseAddress must begin with https://")]
    [InlineData("http://localhost.gateway.example", "AlipayHk:BaseAddress must begin with https://")]
    [InlineData("ftp://localhost", "AlipayHk:BaseAddress must begin with https://")]
    [InlineData("https://user:pass@gateway.example", "AlipayHk:BaseAddress must not contain a user name")]
    [InlineData("https://gateway.example/api", "AlipayHk:BaseAddress must end with the host or port")]
    [InlineData("https://gateway.example/?a=b", "AlipayHk:BaseAddress must end with the host or port")]
    [InlineData("https://gateway.example/#a", "AlipayHk:BaseAddress must end with the host or port")]
    [InlineData("/relative", "AlipayHk:BaseAddress is missing or not absolute")]
    public void Refuses_any_other_address(string address, string expected)
    {
        var faults = Faults(options => options.BaseAddress = new Uri(address, UriKind.RelativeOrAbsolute));
        Assert.StartsWith(expected, Assert.Single(faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("api/x")]
    [InlineData("//host/x")]
    [InlineData("/api?x=1")]
    [InlineData("/api#x")]
    [InlineData("/a b")]
    [InlineData("/a/../b")]
    [InlineData("/a%20b")]
    [InlineData("/a\"b")]
    [InlineData("/a<b>")]
    [InlineData("/a{b}")]
    [InlineData("/a|b")]
    [InlineData("/a^b")]
    [InlineData("/a`b")]
    [InlineData("/a\nb")]
    [InlineData("/中")]
    public void Refuses_a_path_that_would_be_signed_differently_than_called(string path) =>
        Assert.StartsWith("AlipayHk:Path must", Assert.Single(Faults(options => options.Path = path)), StringComparison.Ordinal);

    [Fact]
    public void Accepts_exactly_the_characters_that_are_called_as_they_are_configured()
    {
        for (var character = ' '; character <= '~'; character++)
        {
            var path = $"/a{character}b";
            var accepted = Faults(options => options.Path = path).Count == 0;
            if (accepted) Assert.Equal(path, new Uri(new Uri("https://gateway.example"), path).PathAndQuery);
            Assert.Equal(char.IsAsciiLetterOrDigit(character) || "-._~!$&'()*+,;=:@/".Contains(character, StringComparison.Ordinal), accepted);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\r\nX: y")]
    [InlineData("a b")]
    public void Refuses_a_Client_Id_that_is_not_valid_in_a_header(string clientId) =>
        Assert.StartsWith("AlipayHk:ClientId must", Assert.Single(Faults(options => options.ClientId = clientId)), StringComparison.Ordinal);

    [Fact]
    public void Names_each_setting_that_is_out_of_range()
    {
        AssertFault("AlipayHk:RequestTimeout must be from", options => options.RequestTimeout = TimeSpan.Zero);
        AssertFault("AlipayHk:RequestTimeout must not be longer", options => options.RequestTimeout = TimeSpan.FromMinutes(1));
        AssertFault("AlipayHk:TotalTimeout must be from", options => options.TotalTimeout = TimeSpan.FromDays(2));
        AssertFault("AlipayHk:ImmediateRetries must be", options => options.ImmediateRetries = -1);
        AssertFault("AlipayHk:ImmediateRetries must be", options => options.ImmediateRetries = 11);
        AssertFault("AlipayHk:ResponseTimeTolerance must be from 1 s", options => options.ResponseTimeTolerance = TimeSpan.Zero);
        AssertFault("AlipayHk:ResponseTimeTolerance must be from 1 s", options => options.ResponseTimeTolerance = TimeSpan.FromHours(25));
        AssertFault("AlipayHk:MaxResponseBytes must be", options => options.MaxResponseBytes = 0);
        AssertFault("AlipayHk:MaxResponseBytes must be", options => options.MaxResponseBytes = int.MaxValue);
        AssertFault("AlipayHk:PublicKeys is empty", options => options.PublicKeys.Clear());
        AssertFault("AlipayHk:PublicKeys:0:PublicKey", options => options.PublicKeys[0].PublicKey = "x");
        AssertFault("AlipayHk:Encryption:AesKeyBits must be", options => options.Encryption = new() { Enabled = true, AesKeyBits = 100 });
        AssertFault("AlipayHk:Encryption:ContentType must be", options => options.Encryption = new() { Enabled = true, ContentType = "" });
        AssertFault("AlipayHk:Encryption:KeyVersion must be", options => options.Encryption = new() { Enabled = true, KeyVersion = "2" });
    }

    [Fact]
    public void Reports_all_faults_at_once() => Assert.Equal(4, Faults(options =>
    {
        options.BaseAddress = null;
        options.ClientId = "";
        options.ImmediateRetries = -1;
        options.PublicKeys.Clear();
    }).Count);

    private static void AssertFault(string expected, Action<AlipayHkOptions> change) =>
        Assert.Contains(Faults(change), fault => fault.StartsWith(expected, StringComparison.Ordinal));

    private static List<string> Faults(Action<AlipayHkOptions> change)
    {
        var options = new AlipayHkOptions
        {
            BaseAddress = new Uri("https://gateway.example"),
            ClientId = "4Q5Y8W0WSG45P907917",
            PublicKeys = [new AlipayHkKeyOptions { KeyVersion = "1", PublicKey = Pem }],
        };
        change(options);
        return [.. AlipayHkOptionsValidator.Faults(options)];
    }
}
