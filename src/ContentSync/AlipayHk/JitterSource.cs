using System.Security.Cryptography;

namespace ContentSync.AlipayHk;

/// <summary>Random numbers that spread retries over time. Tests derive from it to get predictable delays.</summary>
public class JitterSource
{
    /// <summary>Returns a number that is uniformly distributed over [0, 1). Thread-safe.</summary>
    public virtual double Draw() => RandomNumberGenerator.GetInt32(1 << 30) / (double)(1 << 30);
}
