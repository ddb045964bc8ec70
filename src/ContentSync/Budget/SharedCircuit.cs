using System.Text.Json.Serialization;

namespace ContentSync.Budget;

/// <summary>The open circuit breaker of the app, in the shared document. All times are the store's.</summary>
/// <param name="Cause">Why it tripped.</param>
/// <param name="Code">Code of the result that tripped it, or of the last probe that was refused.</param>
/// <param name="Message">Message of that result.</param>
/// <param name="Since">When it tripped first; a failed probe does not change it.</param>
/// <param name="NextProbe">When the next probe is due.</param>
/// <param name="FailedProbes">Items whose probes failed; they leave the next probe to others.</param>
/// <param name="Probe">The process that probes now; null if none does.</param>
public sealed record SharedCircuit(
    [property: JsonPropertyName("cause")] string Cause,
    [property: JsonPropertyName("code")] string Code,
    [property: JsonPropertyName("message")] string Message,
    [property: JsonPropertyName("since")] DateTimeOffset Since,
    [property: JsonPropertyName("next")] DateTimeOffset NextProbe,
    [property: JsonPropertyName("failed")] IReadOnlyList<string>? FailedProbes = null,
    [property: JsonPropertyName("probe")] ProbeLease? Probe = null);

/// <summary>The right to send the app's only probe.</summary>
/// <param name="Holder">The process.</param>
/// <param name="Expires">When another process may take the probe. The holder stops earlier; see <see cref="ProbeClaim"/>.</param>
public sealed record ProbeLease([property: JsonPropertyName("id")] string Holder, [property: JsonPropertyName("e")] DateTimeOffset Expires);

/// <summary>What a process tells the others about its circuit breaker.</summary>
/// <param name="Open">Its open circuit breaker, with the store's times; null while it is closed.</param>
/// <param name="EndedProbe">How its probe ended; null if it sent none.</param>
public readonly record struct CircuitNews(SharedCircuit? Open, ProbeEnd? EndedProbe);

/// <summary>How a probe ended.</summary>
public enum ProbeEnd
{
    /// <summary>AlipayHK accepted or rejected the item: the circuit breaker resets.</summary>
    Succeeded,

    /// <summary>It failed, or nothing was sent.</summary>
    Failed,
}

/// <summary>
/// Decides who probes and what a process's news changes. Pure functions: the same document and facts always give the same document. The
/// README.md beside this file says why no two probes are under way at once.
/// </summary>
public static class SharedCircuitRule
{
    /// <summary>Claims the probe for a process. The same document if the probe is not due, or is another process's.</summary>
    /// <param name="state">The document as read.</param>
    /// <param name="id">The process.</param>
    /// <param name="own">The process's own open circuit breaker, which the document may not contain yet; null if it does.</param>
    /// <param name="storeTime">The store's time of the read: what may be too early, but never too late.</param>
    /// <param name="lease">How long others leave the probe to the process.</param>
    public static SharedSendState ClaimProbe(
        this SharedSendState state, string id, SharedCircuit? own, DateTimeOffset storeTime, TimeSpan lease)
    {
        // The store's clock may be a second later than it says, because it says whole seconds only.
        var latest = storeTime + TimeSpan.FromSeconds(1);
        if ((state.Circuit ?? own) is not { } circuit || latest < circuit.NextProbe) return state;
        if (circuit.Probe is { } probe && probe.Holder != id && storeTime < probe.Expires + SendBudget.MaxClockDifference) return state;
        return state with { Circuit = circuit with { Probe = new ProbeLease(id, latest + lease) } };
    }

    /// <summary>
    /// Applies a process's news: a trip unless the circuit breaker is open already, and the end of a probe unless the process has lost it.
    /// The same document if nothing changes.
    /// </summary>
    public static SharedSendState Tell(this SharedSendState state, string id, CircuitNews news)
    {
        var circuit = state.Circuit;
        if (news.EndedProbe is { } end && circuit?.Probe?.Holder == id)
        {
            circuit = end == ProbeEnd.Succeeded || news.Open is not { } open ? null : open with { Since = circuit.Since };
        }

        if (circuit is null && news.EndedProbe != ProbeEnd.Failed) circuit = news.Open;
        return circuit == state.Circuit ? state : state with { Circuit = circuit };
    }

    /// <summary>
    /// How long a process must wait before it asks for the probe; negative if it has been due for that long. An item whose probe failed may
    /// probe once the others have left it due for one interval, so an overdue probe must not look as if it were due only now.
    /// </summary>
    /// <param name="circuit">The open circuit breaker.</param>
    /// <param name="id">The process.</param>
    /// <param name="storeTime">The store's time now.</param>
    public static TimeSpan UntilProbe(this SharedCircuit circuit, string id, DateTimeOffset storeTime)
    {
        var due = circuit.NextProbe;
        if (circuit.Probe is { } probe && probe.Holder != id && probe.Expires + SendBudget.MaxClockDifference > due)
            due = probe.Expires + SendBudget.MaxClockDifference;
        return due - storeTime;
    }
}

/// <summary>
/// A claimed probe: its request must leave before the claim ends, so that it has ended when another process may probe. A process that
/// froze or slept meanwhile has lost it.
/// </summary>
/// <param name="time">Clock of the process. Its wall clock serves only to notice that the machine slept.</param>
/// <param name="began">When the read on which the claim is based began.</param>
/// <param name="duration">How long after that the request may leave.</param>
public sealed class ProbeClaim(TimeProvider time, ReadStart began, TimeSpan duration)
{
    /// <summary>Whether the request may no longer leave.</summary>
    public bool IsOver => time.GetElapsedTime(began.Timestamp) >= duration || time.GetUtcNow() - began.Wall >= duration;
}
