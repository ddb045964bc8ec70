using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ContentSync.Signing;

namespace ContentSync.Tests.Signing;

public sealed class RsaKeyTextTests
{
    private const string Setting = "AlipayHk:PublicKeys:0:PublicKey";

    private static readonly RSA Key = RSA.Create(2048);

    public static TheoryData<string> PublicForms => new(
        Key.ExportSubjectPublicKeyInfoPem(),
        Key.ExportRSAPublicKeyPem(),
        Convert.ToBase64String(Key.ExportSubjectPublicKeyInfo()),
        Convert.ToBase64String(Key.ExportSubjectPublicKeyInfo(), Base64FormattingOptions.InsertLineBreaks),
        "\n  " + Key.ExportSubjectPublicKeyInfoPem().ReplaceLineEndings("\r\n") + "\n");

    public static TheoryData<string> PrivateForms => new(
        Key.ExportPkcs8PrivateKeyPem(),
        Key.ExportRSAPrivateKeyPem(),
        Convert.ToBase64String(Key.ExportPkcs8PrivateKey()),
        Convert.ToBase64String(Key.ExportRSAPrivateKey()));

    [Theory]
    [MemberData(nameof(PublicForms))]
    public void Reads_every_form_of_a_public_key(string text)
    {
        using var key = RsaKeyText.ImportPublic(text, Setting);
        Assert.Equal(Key.ExportSubjectPublicKeyInfo(), key.ExportSubjectPublicKeyInfo());
    }

    [Theory]
    [MemberData(nameof(PrivateForms))]
    public void Reads_every_form_of_a_private_key(string text)
    {
        using var key = RsaKeyText.ImportPrivate(text, Setting);
        Assert.Equal(Key.ExportRSAPrivateKey(), key.ExportRSAPrivateKey());
    }

    [Theory]
    [MemberData(nameof(PrivateForms))]
    public void Refuses_a_private_key_as_a_public_key_without_repeating_it(string text)
    {
        var refused = Assert.Throws<RsaKeyTextException>(() => RsaKeyText.ImportPublic(text, Setting));
        Assert.StartsWith(Setting + " holds a private key.", refused.Message, StringComparison.Ordinal);
        AssertDoesNotRepeat(text, refused);
    }

    [Theory]
    [MemberData(nameof(PublicForms))]
    public void Refuses_a_public_key_as_a_private_key(string text)
    {
        var refused = Assert.Throws<RsaKeyTextException>(() => RsaKeyText.ImportPrivate(text, "Key:File"));
        Assert.StartsWith("Key:File cannot be read. It must be an RSA private key", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData(" \n ", "is empty")]
    [InlineData("not a key!", "neither PEM nor base64")]
    [InlineData("AAAA", "cannot be read")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "holds a certificate")]
    public void Says_what_is_wrong_and_what_is_valid(string text, string expected)
    {
        foreach (var import in new Func<string, string, RSA>[] { RsaKeyText.ImportPublic, RsaKeyText.ImportPrivate })
        {
            var refused = Assert.Throws<RsaKeyTextException>(() => import(text, Setting));
            Assert.StartsWith(Setting, refused.Message, StringComparison.Ordinal);
            Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
            Assert.Contains("It must be an RSA ", refused.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Recognizes_a_certificate_that_was_given_for_its_key(bool asPem)
    {
        var request = new CertificateRequest("CN=gateway", Key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(90));
        var text = asPem ? certificate.ExportCertificatePem() : Convert.ToBase64String(certificate.RawData);

        var refused = Assert.Throws<RsaKeyTextException>(() => RsaKeyText.ImportPublic(text, Setting));

        Assert.StartsWith(Setting + " holds a certificate. It must be an RSA public key", refused.Message, StringComparison.Ordinal);
        Assert.Contains("openssl x509 -pubkey", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_a_truncated_key()
    {
        var cut = Key.ExportSubjectPublicKeyInfo()[..^3];
        Assert.Throws<RsaKeyTextException>(() => RsaKeyText.ImportPublic(Convert.ToBase64String(cut), Setting));
    }

    [Fact]
    public void Refuses_bytes_after_the_key()
    {
        byte[] longer = [.. Key.ExportSubjectPublicKeyInfo(), 0];
        Assert.Throws<RsaKeyTextException>(() => RsaKeyText.ImportPublic(Convert.ToBase64String(longer), Setting));
    }

    [Fact]
    public void Refuses_a_key_of_fewer_than_2048_bits()
    {
        using var small = RSA.Create(1024);
        var asPublic = Assert.Throws<RsaKeyTextException>(() => RsaKeyText.ImportPublic(small.ExportSubjectPublicKeyInfoPem(), Setting));
        var asPrivate = Assert.Throws<RsaKeyTextException>(() => RsaKeyText.ImportPrivate(small.ExportPkcs8PrivateKeyPem(), Setting));
        Assert.Equal($"{Setting} holds an RSA key of 1024 bits. AlipayHK requires 2048 bits or more.", asPublic.Message);
        Assert.Equal(asPublic.Message, asPrivate.Message);
    }

    [Fact]
    public void Refuses_an_elliptic_curve_key_and_says_why()
    {
        using var ecc = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string[] privateForms = [ecc.ExportPkcs8PrivateKeyPem(), ecc.ExportECPrivateKeyPem(), Convert.ToBase64String(ecc.ExportPkcs8PrivateKey())];
        foreach (var text in privateForms)
        {
            var refused = Assert.Throws<RsaKeyTextException>(() => RsaKeyText.ImportPrivate(text, "Key:File"));
            Assert.Contains("documents neither its curve, its hash nor its signature encoding", refused.Message, StringComparison.Ordinal);
            AssertDoesNotRepeat(text, refused);
        }

        var asPublic = Assert.Throws<RsaKeyTextException>(() => RsaKeyText.ImportPublic(ecc.ExportSubjectPublicKeyInfoPem(), Setting));
        Assert.Contains("ECC224", asPublic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_a_key_on_a_curve_that_the_platform_does_not_know()
    {
        var publicKey = Convert.ToBase64String(EccKeyOnUnknownCurve(isPrivate: false));
        var privateKey = Convert.ToBase64String(EccKeyOnUnknownCurve(isPrivate: true));
        var asPublic = Assert.Throws<RsaKeyTextException>(() => RsaKeyText.ImportPublic(publicKey, Setting));
        var asPrivate = Assert.Throws<RsaKeyTextException>(() => RsaKeyText.ImportPrivate(privateKey, Setting));
        Assert.StartsWith($"{Setting} holds an elliptic-curve key.", asPublic.Message, StringComparison.Ordinal);
        Assert.StartsWith($"{Setting} holds an elliptic-curve key.", asPrivate.Message, StringComparison.Ordinal);
        AssertDoesNotRepeat(publicKey, asPublic);
    }

    private static byte[] EccKeyOnUnknownCurve(bool isPrivate)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            if (isPrivate) writer.WriteInteger(0);
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier("1.2.840.10045.2.1");
                writer.WriteObjectIdentifier("1.2.3.4.5");
            }

            if (isPrivate) WritePrivateKey();
            else writer.WriteBitString([4, .. new byte[56]]);
        }

        return writer.Encode();

        void WritePrivateKey()
        {
            using var octets = writer.PushOctetString();
            using var key = writer.PushSequence();
            writer.WriteInteger(1);
            writer.WriteOctetString(new byte[28]);
            using var tagged = writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 1, isConstructed: true));
            writer.WriteBitString([4, .. new byte[56]]);
        }
    }

    [Fact]
    public void Refuses_a_key_with_a_passphrase_and_says_so()
    {
        var parameters = new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000);
        var text = Key.ExportEncryptedPkcs8PrivateKeyPem("secret", parameters);
        var refused = Assert.Throws<RsaKeyTextException>(() => RsaKeyText.ImportPrivate(text, "Key:File"));
        Assert.Contains("passphrase", refused.Message, StringComparison.Ordinal);
    }

    private static void AssertDoesNotRepeat(string text, Exception refused)
    {
        var middle = text.ReplaceLineEndings("").Substring(text.Length / 2, 12);
        Assert.DoesNotContain(middle, refused.ToString(), StringComparison.Ordinal);
    }
}
