using System.Security.Cryptography;
using ContentSync.AlipayHk;
using ContentSync.Signing;

namespace ContentSync.Tests.AlipayHk;

public sealed class PartnerKeysTests
{
    private static readonly RSA Old = RSA.Create(2048);
    private static readonly RSA New = RSA.Create(2048);

    [Fact]
    public void Holds_old_and_new_side_by_side()
    {
        using var keys = Keys(("1", Pem(Old)), ("2", Pem(New)));
        Assert.True(keys.TryFind("1", out var old));
        Assert.True(keys.TryFind("2", out var newer));
        Assert.Equal(Old.ExportSubjectPublicKeyInfo(), old.ExportSubjectPublicKeyInfo());
        Assert.Equal(New.ExportSubjectPublicKeyInfo(), newer.ExportSubjectPublicKeyInfo());
        Assert.Equal("1, 2", keys.KeyVersions);
    }

    [Fact]
    public void Does_not_guess_between_several_keys()
    {
        using var keys = Keys(("1", Pem(Old)), ("2", Pem(New)));
        Assert.False(keys.TryFind(null, out _));
        Assert.False(keys.TryFind("3", out _));
    }

    [Fact]
    public void Takes_the_single_key_where_no_version_is_named_and_only_there()
    {
        using var keys = Keys(("1", Pem(Old)));
        Assert.True(keys.TryFind(null, out _));
        Assert.False(keys.TryFind("2", out _));
    }

    [Fact]
    public void Names_the_setting_that_is_wrong()
    {
        Assert.StartsWith("AlipayHk:PartnerKeys is empty.", Refusal(), StringComparison.Ordinal);
        Assert.StartsWith("AlipayHk:PartnerKeys:1:PublicKey is neither PEM nor base64.", Refusal(("1", Pem(Old)), ("2", "?")), StringComparison.Ordinal);
        Assert.StartsWith("AlipayHk:PartnerKeys:1:KeyVersion repeats keyVersion 1.", Refusal(("1", Pem(Old)), ("1", Pem(New))), StringComparison.Ordinal);
        Assert.StartsWith("AlipayHk:PartnerKeys:0:KeyVersion is not usable.", Refusal(("a b", Pem(Old))), StringComparison.Ordinal);
        Assert.StartsWith("AlipayHk:PartnerKeys:0:PublicKey holds a private key.", Refusal(("1", Old.ExportPkcs8PrivateKeyPem())), StringComparison.Ordinal);
    }

    private static string Refusal(params (string Version, string Text)[] keys) => Assert.Throws<RsaKeyTextException>(() => Keys(keys)).Message;

    private static string Pem(RSA key) => key.ExportSubjectPublicKeyInfoPem();

    private static AlipayHkKeys Keys(params (string Version, string Text)[] keys) =>
        new(new AlipayHkOptions { PublicKeys = [.. keys.Select(key => new AlipayHkKeyOptions { KeyVersion = key.Version, PublicKey = key.Text })] });
}
