namespace ContentSync.Tests.Ledger;

/// <summary>Takes the time from another provider but waits in real time, because the service is real.</summary>
internal sealed class RealWaits(TimeProvider now) : TimeProvider
{
    public override long TimestampFrequency => now.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => now.GetUtcNow();

    public override long GetTimestamp() => now.GetTimestamp();
}
