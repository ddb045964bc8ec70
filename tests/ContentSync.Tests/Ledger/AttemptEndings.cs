using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>The ways an attempt on a leased record can end.</summary>
internal static class AttemptEndings
{
    public static AttemptEnding Synchronized(SyncRecord leased, DateTimeOffset at) =>
        new(AttemptEndingKind.Synchronized) { Attempt = Attempt(leased, at, "SUCCESS") };

    public static AttemptEnding Parked(SyncRecord leased, DateTimeOffset at, ParkReason reason, string code = "CONTENT_RISKY") =>
        new(AttemptEndingKind.Parked) { Attempt = Attempt(leased, at, code), ParkReason = reason };

    public static AttemptEnding RetryAt(SyncRecord leased, DateTimeOffset at, DateTimeOffset dueAt) =>
        new(AttemptEndingKind.RetryAt) { Attempt = Attempt(leased, at, "UNKNOWN_EXCEPTION"), DueAt = dueAt };

    public static AttemptEnding PausedUntil(SyncRecord leased, DateTimeOffset at, DateTimeOffset dueAt) =>
        new(AttemptEndingKind.PausedUntil) { Attempt = Attempt(leased, at, "INVALID_SIGNATURE"), DueAt = dueAt };

    public static AttemptEnding Released() => new(AttemptEndingKind.Released);

    private static SyncAttempt Attempt(SyncRecord leased, DateTimeOffset at, string code) =>
        new(at, leased.RequestId, code, $"answered {code}", "tracer-1");
}
