using System.Text.Json;

namespace ContentSync.Tests.AlipayHk;

/// <summary>The vector files in Vectors/; each describes how it was created.</summary>
internal static class SignatureVectors
{
    public static string PublicKey { get; } = Root("openssl-signatures.json").GetProperty("publicKey").GetString()!;

    public static IReadOnlyList<SignatureVector> All { get; } =
    [
        .. Root("openssl-signatures.json").GetProperty("cases").EnumerateArray().Select(element => new SignatureVector(
            Text(element, "name"), Text(element, "path"), Text(element, "clientId"), Text(element, "time"), Text(element, "body"),
            Text(element, "stringToSign"), Text(element, "sha256"), Text(element, "keyVersion"), Text(element, "signature"),
            Text(element, "header"))),
    ];

    public static TheoryData<string> Names => new(All.Select(vector => vector.Name));

    public static SignatureVector Named(string name) => All.Single(vector => vector.Name == name);

    public static JsonElement Root(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Vectors", file)));
        return document.RootElement.Clone();
    }

    public static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;
}

internal sealed record SignatureVector(
    string Name,
    string Path,
    string ClientId,
    string Time,
    string Body,
    string StringToSign,
    string Sha256,
    string KeyVersion,
    string Signature,
    string Header);
