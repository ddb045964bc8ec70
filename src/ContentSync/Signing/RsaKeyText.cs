using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ContentSync.Signing;

/// <summary>
/// Reads RSA keys from text in settings. Messages name the setting and the accepted formats, and never repeat the text.
/// </summary>
public static class RsaKeyText
{
    /// <summary>AlipayHK's minimum key size.</summary>
    public const int MinimumBits = 2048;

    /// <summary>Why only RSA keys are accepted; for messages.</summary>
    public const string EccRefusal =
        "AlipayHK names ECC224 as an alternative to RSA256 but documents neither its curve, its hash nor its signature encoding, "
        + "so only RSA keys are supported";

    private const string PublicForms =
        "an RSA public key as PEM (BEGIN PUBLIC KEY or BEGIN RSA PUBLIC KEY) or the bare base64 of an X.509 SubjectPublicKeyInfo";

    private const string PrivateForms =
        "an RSA private key as PEM (BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY) or the bare base64 of PKCS#8 or PKCS#1";

    private delegate void Import(ReadOnlySpan<byte> der, out int bytesRead);

    /// <summary>Reads a public key: PEM (SubjectPublicKeyInfo or PKCS#1), or bare base64 of the SubjectPublicKeyInfo.</summary>
    /// <param name="text">The text of the key.</param>
    /// <param name="setting">Name of the key's setting, for messages.</param>
    /// <exception cref="RsaKeyTextException">The text is not an RSA public key of 2048 bits or more.</exception>
    public static RSA ImportPublic(string text, string setting)
    {
        var (label, der) = Decode(text, setting, PublicForms);
        try
        {
            if (label is not null && label.EndsWith("PRIVATE KEY", StringComparison.Ordinal))
            {
                throw HoldsPrivateKey(setting);
            }

            var key = RSA.Create();
            if (label is null or "PUBLIC KEY" && Succeeds(key.ImportSubjectPublicKeyInfo, der)) return RequireSize(key, setting);
            if (label is null or "RSA PUBLIC KEY" && Succeeds(key.ImportRSAPublicKey, der)) return RequireSize(key, setting);
            var isPrivate = label is null && (Succeeds(key.ImportPkcs8PrivateKey, der) || Succeeds(key.ImportRSAPrivateKey, der));
            key.Dispose();
            if (isPrivate)
            {
                throw HoldsPrivateKey(setting);
            }

            if (IsCertificate(label, der)) throw HoldsCertificate(setting, PublicForms);
            throw Unreadable(setting, PublicForms, IsEcc(label, der));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
        }
    }

    /// <summary>Reads a private key: PEM or bare base64, PKCS#8 or PKCS#1, without a passphrase.</summary>
    /// <param name="text">The text of the key.</param>
    /// <param name="setting">Name of the key's setting, for messages.</param>
    /// <exception cref="RsaKeyTextException">The text is not an RSA private key of 2048 bits or more.</exception>
    public static RSA ImportPrivate(string text, string setting)
    {
        var (label, der) = Decode(text, setting, PrivateForms);
        try
        {
            if (label == "ENCRYPTED PRIVATE KEY")
            {
                throw new RsaKeyTextException($"{setting} holds a private key with a passphrase. It must be {PrivateForms}, without a passphrase.");
            }

            var key = RSA.Create();
            if (label is null or "PRIVATE KEY" && Succeeds(key.ImportPkcs8PrivateKey, der)) return RequireSize(key, setting);
            if (label is null or "RSA PRIVATE KEY" && Succeeds(key.ImportRSAPrivateKey, der)) return RequireSize(key, setting);
            key.Dispose();
            if (IsCertificate(label, der)) throw HoldsCertificate(setting, PrivateForms);
            throw Unreadable(setting, PrivateForms, IsEcc(label, der));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
        }
    }

    private static (string? Label, byte[] Der) Decode(string text, string setting, string expected)
    {
        var trimmed = text.AsSpan().Trim();
        if (trimmed.IsEmpty) throw new RsaKeyTextException($"{setting} is empty. It must be {expected}.");
        var der = new byte[trimmed.Length];
        if (PemEncoding.TryFind(trimmed, out var fields))
        {
            Convert.TryFromBase64Chars(trimmed[fields.Base64Data], der, out var pemLength);
            return (trimmed[fields.Label].ToString(), der[..pemLength]);
        }

        if (Convert.TryFromBase64Chars(trimmed, der, out var length)) return (null, der[..length]);
        throw new RsaKeyTextException($"{setting} is neither PEM nor base64. It must be {expected}.");
    }

    private static RSA RequireSize(RSA key, string setting)
    {
        if (key.KeySize >= MinimumBits) return key;
        var size = key.KeySize;
        key.Dispose();
        throw new RsaKeyTextException($"{setting} holds an RSA key of {size} bits. AlipayHK requires {MinimumBits} bits or more.");
    }

    private static RsaKeyTextException HoldsPrivateKey(string setting) => new(
        $"{setting} holds a private key. It must be AlipayHK's public key: {PublicForms}. "
        + "Remove the private key from this setting and treat it as disclosed.");

    private static RsaKeyTextException HoldsCertificate(string setting, string expected) => new(
        $"{setting} holds a certificate. It must be {expected}. 'openssl x509 -pubkey -noout -in FILE' prints the public key of a certificate.");

    private static bool IsCertificate(string? label, byte[] der)
    {
        if (label is not null) return label is "CERTIFICATE" or "X509 CERTIFICATE" or "TRUSTED CERTIFICATE";
        try
        {
            X509CertificateLoader.LoadCertificate(der).Dispose();
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static RsaKeyTextException Unreadable(string setting, string expected, bool ecc) => new(ecc
        ? $"{setting} holds an elliptic-curve key. {EccRefusal}. It must be {expected}."
        : $"{setting} cannot be read. It must be {expected}.");

    private static bool IsEcc(string? label, byte[] der)
    {
        if (label == "EC PRIVATE KEY") return true;
        using var key = ECDsa.Create();
        return IsKeyOnAnyCurve(key.ImportSubjectPublicKeyInfo, der)
            || IsKeyOnAnyCurve(key.ImportPkcs8PrivateKey, der)
            || IsKeyOnAnyCurve(key.ImportECPrivateKey, der);
    }

    private static bool IsKeyOnAnyCurve(Import import, byte[] der)
    {
        try
        {
            return Succeeds(import, der);
        }
        catch (PlatformNotSupportedException)
        {
            // An elliptic-curve key whose curve this platform does not know.
            return true;
        }
    }

    private static bool Succeeds(Import import, byte[] der)
    {
        try
        {
            import(der, out var read);
            return read == der.Length;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}

/// <summary>A key in the settings cannot be used. The message names the setting and the accepted formats, and never repeats the key.</summary>
public sealed class RsaKeyTextException(string message) : Exception(message);
