using System.Globalization;
using ContentSync.Budget;
using ContentSync.Resync;
using ContentSync.Synchronization;

namespace ContentSync.Notifications;

/// <summary>
/// What is worth reporting, made of what the processes share. Pure functions: every process finds the same events with the same ids, whenever it
/// looks and whatever caused them.
/// </summary>
public static class NotificationFacts
{
    /// <summary>How long ago something may have happened to be reported still.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromHours(24);

    /// <summary>How long an outage must last to be reported; most end sooner by themselves. A configuration fault never does.</summary>
    public static readonly TimeSpan OutageGrace = TimeSpan.FromMinutes(5);

    private const string StoppedPrefix = "sending-stopped-";

    /// <summary>Pauses, their ends, an open circuit breaker, and the end of one that was reported.</summary>
    /// <param name="state">The shared document.</param>
    /// <param name="now">The store's time.</param>
    public static IEnumerable<Notification> OfSending(SharedSendState state, DateTimeOffset now)
    {
        foreach (var pause in state.Pauses)
        {
            if (pause.Until is null) yield return Paused(pause);
            else if (now - pause.Until < MaxAge) yield return Resumed(pause, pause.Until.Value);
        }

        if (state.Circuit is { } circuit && (circuit.Cause == nameof(TripCause.ConfigurationFault) || now - circuit.Since >= OutageGrace))
            yield return Stopped(circuit);
        foreach (var claim in state.Notified ?? [])
        {
            if (!claim.Id.StartsWith(StoppedPrefix, StringComparison.Ordinal)) continue;
            if (!long.TryParse(claim.Id.AsSpan(StoppedPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var since)) continue;
            if (state.Circuit?.Since.ToUnixTimeMilliseconds() != since) yield return Restarted(DateTimeOffset.FromUnixTimeMilliseconds(since), now);
        }
    }

    /// <summary>Resyncs that ended, and a catalog without a successful resync for too long.</summary>
    /// <param name="histories">The runs of all sources.</param>
    /// <param name="catalog">Name of the configured catalog; null if there is none.</param>
    /// <param name="overdueHours">After how many hours; 0 for never.</param>
    /// <param name="now">The store's time.</param>
    public static IEnumerable<Notification> OfResyncs(
        IReadOnlyList<ResyncHistory> histories, string? catalog, int overdueHours, DateTimeOffset now)
    {
        foreach (var run in histories.SelectMany(history => history.Runs))
        {
            var endedAt = run.EndedAt ?? run.UpdatedAt;
            if (run.Parameters.DryRun || now - endedAt >= MaxAge) continue;
            if (run is { State: ResyncRunState.Completed, Counts.Planned: > 0 })
                yield return Ended("resync-finished", NotificationTypes.ResyncFinished, run, endedAt);
            else if (run.State is ResyncRunState.Refused or ResyncRunState.Stopped)
                yield return Ended("resync-refused", NotificationTypes.ResyncRefused, run, endedAt);
        }

        if (overdueHours == 0 || histories.FirstOrDefault(history => history.Source == catalog) is not { } runs) yield break;
        if (LastSuccess(runs) is { } success && now - success >= TimeSpan.FromHours(overdueHours)) yield return Overdue(runs.Source, success);
    }

    // Without a success yet, the time counts from the first run that is known.
    private static DateTimeOffset? LastSuccess(ResyncHistory history) =>
        history.Runs
            .Where(run => run.State is ResyncRunState.Completed or ResyncRunState.HandledAlready)
            .Select(run => (DateTimeOffset?)(run.EndedAt ?? run.UpdatedAt))
            .Append(history.Handled?.At)
            .Max() ?? history.Runs.Select(run => (DateTimeOffset?)run.RequestedAt).Min();

    private static Notification Paused(SendPause pause) => new(
        $"sending-paused-{Name(pause.ContentType)}-{Milliseconds(pause.Since)}",
        NotificationTypes.SendingPaused,
        pause.Since,
        pause.ContentType,
        new NotificationData($"{pause.By} paused {What(pause)}: {pause.Reason}")
        {
            Since = pause.Since,
            ContentType = pause.ContentType,
            By = pause.By,
            Reason = pause.Reason,
        });

    private static Notification Resumed(SendPause pause, DateTimeOffset until) => new(
        $"sending-resumed-{Name(pause.ContentType)}-{Milliseconds(until)}",
        NotificationTypes.SendingResumed,
        until,
        pause.ContentType,
        // A short pause is over before it is looked for, so this may be the only event about it.
        new NotificationData($"{pause.By} paused {What(pause)} at {pause.Since:u}: {Wording.Sentence(pause.Reason)} The pause ended at {until:u}.")
        {
            Since = pause.Since,
            Until = until,
            ContentType = pause.ContentType,
            By = pause.By,
            Reason = pause.Reason,
        });

    private static Notification Stopped(SharedCircuit circuit) => new(
        StoppedPrefix + Milliseconds(circuit.Since),
        NotificationTypes.SendingStopped,
        circuit.Since,
        null,
        new NotificationData(circuit.Cause == nameof(TripCause.ConfigurationFault)
            ? $"Sending stopped: AlipayHK refuses how the app calls it ({circuit.Code}). Correct the setting or the key; sending then resumes "
                + "by itself."
            : $"Sending stopped: AlipayHK, the network or the signer fails ({circuit.Code}). Sending resumes by itself.")
        {
            Since = circuit.Since,
            Cause = circuit.Cause,
            Code = circuit.Code,
            Reason = circuit.Message,
        });

    private static Notification Restarted(DateTimeOffset since, DateTimeOffset now) => new(
        $"sending-restarted-{Milliseconds(since)}",
        NotificationTypes.SendingResumed,
        now,
        null,
        new NotificationData("The circuit breaker reset: sending resumed by itself.") { Since = since, Until = now });

    private static Notification Ended(string prefix, string type, ResyncRun run, DateTimeOffset at) => new(
        $"{prefix}-{run.RunId}",
        type,
        at,
        run.RunId,
        new NotificationData($"The resync of {run.Source} {(type == NotificationTypes.ResyncFinished ? "finished" : "was refused")}. {run.Message}")
        {
            Since = run.RequestedAt,
            Until = at,
            Run = new NotificationRun(
                run.RunId,
                run.Source,
                run.State.ToString(),
                run.Counts.Planned,
                run.Counts.Sent,
                run.Counts.Failed,
                run.Counts.Parked,
                run.Plan?.Invalid ?? 0),
        });

    private static Notification Overdue(string source, DateTimeOffset success) => new(
        $"resync-overdue-{Milliseconds(success)}",
        NotificationTypes.ResyncOverdue,
        success,
        source,
        new NotificationData($"No resync of {source} has succeeded since {success:u}. GET /api/resyncs shows what the last ones did.")
        {
            Since = success,
        });

    private static string What(SendPause pause) => pause.ContentType is { } type ? $"sending {type}" : "all sending";

    // A period would end the id in the signed text, and a blank is not allowed in a header of this kind.
    private static string Name(string? contentType) =>
        contentType is null ? "all" : "type-" + Uri.EscapeDataString(contentType).Replace(".", "%2E", StringComparison.Ordinal);

    private static string Milliseconds(DateTimeOffset time) => time.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
}
