using System.Text;
using ContentSync.AlipayHk;
using CsCheck;

namespace ContentSync.Tests.AlipayHk;

public sealed class StringToSignTests
{
    public static TheoryData<string> Vectors => SignatureVectors.Names;

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Renders_the_text_of_the_vector(string name)
    {
        var vector = SignatureVectors.Named(name);
        var text = new StringToSign(vector.Path, vector.ClientId).Render(vector.Time, Encoding.UTF8.GetBytes(vector.Body));
        Assert.Equal(vector.StringToSign, text);
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Hashes_like_sha256sum(string name)
    {
        var vector = SignatureVectors.Named(name);
        var hash = new byte[32];
        new StringToSign(vector.Path, vector.ClientId).Hash(vector.Time, Encoding.UTF8.GetBytes(vector.Body), hash);
        Assert.Equal(vector.Sha256, Convert.ToHexStringLower(hash));
    }

    [Fact]
    public void Hashes_the_published_notification_to_its_published_hash()
    {
        var vector = SignatureVectors.Root("notify-kat.json");
        var hash = new byte[32];
        new StringToSign(SignatureVectors.Text(vector, "signed_path"), SignatureVectors.Text(vector, "client_id"))
            .Hash(SignatureVectors.Text(vector, "time"), Encoding.UTF8.GetBytes(SignatureVectors.Text(vector, "body_utf8")), hash);
        Assert.Equal(SignatureVectors.Text(vector, "sha256_of_content_hex"), Convert.ToHexStringLower(hash));
    }

    [Fact]
    public void Adds_one_line_feed_and_no_carriage_return()
    {
        var text = new StringToSign("/p", "id").Render("t", "{}"u8);
        Assert.Equal("POST /p\nid.t.{}", text);
    }

    [Fact]
    public void Hashes_exactly_the_rendered_text() => Gen.Select(Gen.String, Gen.Byte.Array).Sample((time, body) =>
    {
        var ascii = Encoding.UTF8.GetBytes(Convert.ToHexString(body));
        var subject = new StringToSign("/path", "client");
        var hash = new byte[32];
        subject.Hash(time, ascii, hash);
        var expected = System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(subject.Render(time, ascii)));
        return hash.AsSpan().SequenceEqual(expected);
    });
}
