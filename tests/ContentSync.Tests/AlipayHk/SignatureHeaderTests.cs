using ContentSync.AlipayHk;
using CsCheck;

namespace ContentSync.Tests.AlipayHk;

public sealed class SignatureHeaderTests
{
    private static readonly byte[] Signature = [0xfb, 0xff, 0xbf, 0x01];
    private const string Encoded = "%2B%2F%2B%2FAQ%3D%3D";
    private const string Raw = "+/+/AQ==";

    public static TheoryData<string> Vectors => SignatureVectors.Names;

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Formats_the_header_of_the_vector(string name)
    {
        var vector = SignatureVectors.Named(name);
        Assert.Equal(vector.Header, SignatureHeader.Format(vector.KeyVersion, Convert.FromBase64String(vector.Signature)));
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Reads_the_header_of_the_vector(string name)
    {
        var vector = SignatureVectors.Named(name);
        Assert.Equal(HeaderFault.None, SignatureHeader.TryParse(vector.Header, out var parsed));
        Assert.Equal(vector.KeyVersion, parsed.KeyVersion);
        Assert.Equal(vector.Signature, Convert.ToBase64String(parsed.Value.Span));
    }

    [Fact]
    public void Percent_encodes_in_upper_case_without_spaces() =>
        Assert.Equal($"algorithm=RSA256,keyVersion=0,signature={Encoded}", SignatureHeader.Format("0", Signature));

    [Theory]
    [InlineData($"algorithm=RSA256,keyVersion=1,signature={Encoded}")]
    [InlineData($"algorithm=RSA256, keyVersion=1, signature={Encoded}")]
    [InlineData($" algorithm = RSA256 ,\tkeyVersion = 1 , signature = {Encoded} ")]
    [InlineData($"signature={Encoded},keyVersion=1,algorithm=RSA256")]
    [InlineData($"keyVersion=1,signature={Raw},algorithm=RSA256")]
    [InlineData($"ALGORITHM=rsa256,KEYVERSION=1,Signature={Encoded}")]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=%2b%2f%2b%2fAQ%3d%3d")]
    [InlineData($"algorithm=RSA256,keyVersion=1,signature={Raw}")]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=+%2F+/AQ%3D=")]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=-_-_AQ==")]
    [InlineData($"algorithm=RSA256,,keyVersion=1,signature={Encoded},")]
    [InlineData($"algorithm=RSA256,keyVersion=1,signature={Encoded},later=thing,later=again")]
    public void Reads_every_accepted_form(string header)
    {
        Assert.Equal(HeaderFault.None, SignatureHeader.TryParse(header, out var parsed));
        Assert.Equal("1", parsed.KeyVersion);
        Assert.Equal(Signature, parsed.Value.ToArray());
    }

    [Fact]
    public void Reads_a_header_without_keyVersion()
    {
        Assert.Equal(HeaderFault.None, SignatureHeader.TryParse($"algorithm=RSA256,signature={Encoded}", out var parsed));
        Assert.Null(parsed.KeyVersion);
    }

    [Theory]
    [InlineData("", HeaderFault.NoAlgorithm)]
    [InlineData(",,,", HeaderFault.NoAlgorithm)]
    [InlineData($"keyVersion=1,signature={Encoded}", HeaderFault.NoAlgorithm)]
    [InlineData($"algorithm=,keyVersion=1,signature={Encoded}", HeaderFault.NoAlgorithm)]
    [InlineData("algorithm=RSA256,keyVersion=1", HeaderFault.NoValue)]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=", HeaderFault.NoValue)]
    [InlineData($"algorithm=RSA256,keyVersion=,signature={Encoded}", HeaderFault.EmptyKeyVersion)]
    [InlineData($"algorithm,keyVersion=1,signature={Encoded}", HeaderFault.NotAPair)]
    [InlineData($"algorithm=RSA256,algorithm=RSA256,keyVersion=1,signature={Encoded}", HeaderFault.Duplicate)]
    [InlineData($"algorithm=RSA256,keyVersion=1,KeyVersion=2,signature={Encoded}", HeaderFault.Duplicate)]
    [InlineData($"algorithm=RSA256,keyVersion=1,signature={Encoded},signature={Encoded}", HeaderFault.Duplicate)]
    [InlineData($"algorithm=RSA256,keyVersion=1,signature=,signature={Encoded}", HeaderFault.Duplicate)]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=AAA%", HeaderFault.BadPercentEncoding)]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=AAA%3", HeaderFault.BadPercentEncoding)]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=AAA%GG", HeaderFault.BadPercentEncoding)]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=+/+/AQ", HeaderFault.NotBase64)]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=A", HeaderFault.NotBase64)]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=AA==AA==", HeaderFault.NotBase64)]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=====", HeaderFault.NotBase64)]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=+/ +/AQ==", HeaderFault.NotBase64)]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=%2520AAAA", HeaderFault.NotBase64)]
    [InlineData("algorithm=RSA256,keyVersion=1,signature=中文中文", HeaderFault.NotBase64)]
    [InlineData($"algorithm=ECC224,keyVersion=1,signature={Encoded}", HeaderFault.UnsupportedAlgorithm)]
    [InlineData($"algorithm=RSA256x,keyVersion=1,signature={Encoded}", HeaderFault.UnsupportedAlgorithm)]
    public void Names_the_fault_of_an_invalid_header(string header, HeaderFault fault) =>
        Assert.Equal(fault, SignatureHeader.TryParse(header, out _));

    [Fact]
    public void Refuses_a_header_longer_than_any_signature() =>
        Assert.Equal(HeaderFault.TooLong, SignatureHeader.TryParse("algorithm=RSA256,signature=" + new string('A', 9000), out _));

    [Theory]
    [InlineData("")]
    [InlineData("1,signature=x")]
    [InlineData("1\r\nX: y")]
    public void Does_not_format_a_keyVersion_that_would_break_the_header(string keyVersion) =>
        Assert.Throws<ArgumentException>(() => SignatureHeader.Format(keyVersion, Signature));

    [Fact]
    public void Reads_back_every_header_that_it_formats() =>
        Gen.Select(Gen.Int[0, 99999], Gen.Byte.Array[1, 600]).Sample((version, signature) =>
        {
            var header = SignatureHeader.Format($"{version}", signature);
            return SignatureHeader.TryParse(header, out var parsed) == HeaderFault.None
                && parsed.KeyVersion == $"{version}"
                && parsed.Value.Span.SequenceEqual(signature);
        });

    [Fact]
    public void Never_throws_on_hostile_text() =>
        Gen.OneOf(Gen.String, HostilePieces).Sample(header =>
        {
            var fault = SignatureHeader.TryParse(header, out var parsed);
            return fault == HeaderFault.None ? parsed.Value.Length > 0 : parsed.Value.IsEmpty;
        });

    private static readonly string[] Pieces =
    [
        "algorithm=", "RSA256", "keyVersion=", "signature=", "1", ",", "=", "==", "%", "%2", "%2B", "%00", "+", " ", "\0", "AAAA", "-_",
        "\ud83d", "中", "algorithm=RSA256,keyVersion=1,signature=",
    ];

    private static Gen<string> HostilePieces => Gen.Int[0, Pieces.Length - 1].Array[0, 12]
        .Select(picks => string.Concat(picks.Select(pick => Pieces[pick])));
}
