using System.Security.Cryptography;
using ContentSync.AlipayHk;
using ContentSync.Signing;

namespace ContentSync.Tests.AlipayHk;

public sealed class AlipayHkKeysTests
{
    private static readonly RSA Old = RSA.Create(2048);
    private static readonly RSA New = RSA.Create(2048);

    [Fact]
    public void Finds_the_old_and_the_new_key_side_by_side()
    {
        using var keys = Keys(("1", Pem(Old)), ("2", Pem(New)));
        Assert.True(keys.TryFind("1", out var old));
        Assert.True(keys.TryFind("2", out var newer));
        Assert.Equal(Old.ExportSubjectPublicKeyInfo(), old.ExportSubjectPublicKeyInfo());
        Assert.Equal(New.ExportSubjectPublicKeyInfo(), newer.ExportSubjectPublicKeyInfo());
        Assert.Equal("1, 2", keys.KeyVersions);
    }

    [Fact]
    public void Does_not_guess_between_several_keys_without_a_version()
    {
        using var keys = Keys(("1", Pem(Old)), ("2", Pem(New)));
        Assert.False(keys.TryFind(null, out _));
        Assert.False(keys.TryFind("3", out _));
    }

    [Fact]
    public void Finds_the_only_key_without_a_version_but_not_with_another_version()
    {
        using var keys = Keys(("1", Pem(Old)));
        Assert.True(keys.TryFind(null, out _));
        Assert.False(keys.TryFind("2", out _));
    }

    [Fact]
    public void Names_the_invalid_setting()
    {
        Assert.StartsWith("AlipayHk:PublicKeys is empty.", Refusal(), StringComparison.Ordinal);
        var unreadable = Refusal(("1", Pem(Old)), ("2", "?"));
        Assert.StartsWith("AlipayHk:PublicKeys:1:PublicKey is neither PEM nor base64.", unreadable, StringComparison.Ordinal);
        var repeated = Refusal(("1", Pem(Old)), ("1", Pem(New)));
        Assert.StartsWith("AlipayHk:PublicKeys:1:KeyVersion repeats keyVersion 1.", repeated, StringComparison.Ordinal);
        Assert.StartsWith("AlipayHk:PublicKeys:0:KeyVersion is not valid.", Refusal(("a b", Pem(Old))), StringComparison.Ordinal);
        var privateKey = Refusal(("1", Old.ExportPkcs8PrivateKeyPem()));
        Assert.StartsWith("AlipayHk:PublicKeys:0:PublicKey holds a private key.", privateKey, StringComparison.Ordinal);
    }

    private static string Refusal(params (string Version, string Text)[] keys) =>
        Assert.Throws<RsaKeyTextException>(() => Keys(keys)).Message;

    private static string Pem(RSA key) => key.ExportSubjectPublicKeyInfoPem();

    private static AlipayHkKeys Keys(params (string Version, string Text)[] keys) => new(new AlipayHkOptions
    {
        PublicKeys = [.. keys.Select(key => new AlipayHkKeyOptions { KeyVersion = key.Version, PublicKey = key.Text })],
    });
}
