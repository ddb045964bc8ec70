namespace Azure.Security.KeyVault.Keys.Cryptography;

/// <summary>
/// 4.7.0: <c>public readonly struct SignatureAlgorithm : IEquatable&lt;SignatureAlgorithm&gt;</c>, with
/// <c>SignatureAlgorithm(string value)</c>, <c>==</c>, <c>!=</c>, <c>Equals</c> and <c>GetHashCode</c>.
/// </summary>
public readonly struct SignatureAlgorithm(string value) : IEquatable<SignatureAlgorithm>
{
    /// <summary>4.7.0: <c>static SignatureAlgorithm RS256 { get; }</c></summary>
    public static SignatureAlgorithm RS256 { get; } = new("RS256");

    public static bool operator ==(SignatureAlgorithm left, SignatureAlgorithm right) => left.Equals(right);

    public static bool operator !=(SignatureAlgorithm left, SignatureAlgorithm right) => !left.Equals(right);

    public override bool Equals(object? obj) => obj is SignatureAlgorithm other && Equals(other);

    public bool Equals(SignatureAlgorithm other) => string.Equals(value, other.ToString(), StringComparison.Ordinal);

    public override int GetHashCode() => value?.GetHashCode(StringComparison.Ordinal) ?? 0;

    /// <summary>4.7.0: <c>override string ToString()</c>: the value.</summary>
    public override string ToString() => value;
}
