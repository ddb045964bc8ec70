using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>Outcomes of an attempt for a leased record.</summary>
internal static class AttemptOutcomes
{
    public static AttemptOutcome Synchronized(SyncRecord leased, DateTimeOffset at) =>
        new(AttemptOutcomeKind.Synchronized) { Attempt = Attempt(leased, at, "SUCCESS") };

    public static AttemptOutcome Parked(SyncRecord leased, DateTimeOffset at, ParkReason reason, string code = "CONTENT_RISKY") =>
        new(AttemptOutcomeKind.Parked) { Attempt = Attempt(leased, at, code), ParkReason = reason };

    public static AttemptOutcome RetryAt(SyncRecord leased, DateTimeOffset at, DateTimeOffset dueAt) =>
        new(AttemptOutcomeKind.RetryAt) { Attempt = Attempt(leased, at, "UNKNOWN_EXCEPTION"), DueAt = dueAt };

    public static AttemptOutcome DeferredUntil(SyncRecord leased, DateTimeOffset at, DateTimeOffset dueAt) =>
        new(AttemptOutcomeKind.DeferredUntil) { Attempt = Attempt(leased, at, "INVALID_SIGNATURE"), DueAt = dueAt };

    public static AttemptOutcome Released() => new(AttemptOutcomeKind.Released);

    private static SyncAttempt Attempt(SyncRecord leased, DateTimeOffset at, string code) =>
        new(at, leased.RequestId, code, $"returned {code}", "tracer-1");
}
