using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ContentSync.Diagnostics;

/// <summary>
/// The names under which traces and figures of this library are published. A single content has a span of its own and one for each
/// call to AlipayHK; contents that come in bulk share one span and are told apart by figures only.
/// </summary>
public static class Telemetry
{
    /// <summary>Name of the activity source and of the meter.</summary>
    public const string Name = "ContentSync";

    /// <summary>Tag of spans.</summary>
    public const string ContentIdTag = "content.id";

    /// <summary>Tag of spans: AlipayHK's trace id, to be quoted to its support.</summary>
    public const string TracerIdTag = "alipayhk.tracer_id";

    private const string Bulk = "synchronize contents in bulk";

    /// <summary>Traces from trigger to AlipayHK.</summary>
    public static readonly ActivitySource Source = new(Name);

    /// <summary>Figures.</summary>
    public static readonly Meter Meter = new(Name);

    /// <summary>Runs of contents through the synchronizer, by <c>outcome</c> and <c>code</c>.</summary>
    public static readonly Counter<long> Outcomes = Meter.CreateCounter<long>("contentsync.outcomes", "{content}", "Runs of contents through the synchronizer, by outcome and code.");

    /// <summary>Contents given up on or rejected for good, by <c>reason</c> and <c>code</c>.</summary>
    public static readonly Counter<long> Parked = Meter.CreateCounter<long>("contentsync.parked", "{content}", "Contents parked, by reason and code.");

    /// <summary>Answers whose signature did not verify, by <c>verification</c>.</summary>
    public static readonly Counter<long> VerificationFailures = Meter.CreateCounter<long>("contentsync.verification.failures", "{answer}", "Answers of AlipayHK whose signature did not verify, by what was wrong.");

    /// <summary>Time for a signature, pacing included, by <c>result</c>.</summary>
    public static readonly Histogram<double> SignDuration = Meter.CreateHistogram<double>("contentsync.sign.duration", "s", "Time for a signature, the wait for its turn included.");

    /// <summary>Time for one try at AlipayHK without the signature, by <c>status</c>.</summary>
    public static readonly Histogram<double> PartnerDuration = Meter.CreateHistogram<double>("contentsync.partner.duration", "s", "Time from the first byte sent to AlipayHK until its answer begins, by HTTP status.");

    /// <summary>Age of the oldest content that is pending past its due time, as the sweep found it; 0 where there is none.</summary>
    public static readonly Gauge<double> OldestPendingAge = Meter.CreateGauge<double>("contentsync.oldest_pending.age", "s", "Time since acceptance of the oldest content pending past its due time.");

    /// <summary>Contents that resyncs set out to send.</summary>
    public static readonly Counter<long> ResyncPlanned = Meter.CreateCounter<long>("contentsync.resync.planned", "{content}", "Contents that resyncs set out to send.");

    /// <summary>Contents of resyncs that are accounted for, by <c>outcome</c>.</summary>
    public static readonly Counter<long> ResyncDone = Meter.CreateCounter<long>("contentsync.resync.done", "{content}", "Contents of resyncs that are accounted for, by outcome.");

    /// <summary>Resyncs that ended, by <c>source</c> (catalog, ledger) and <c>result</c>; see <see cref="ResyncEnded"/>.</summary>
    public static readonly Counter<long> ResyncRuns =
        Meter.CreateCounter<long>("contentsync.resync.runs", "{run}", "Resyncs that ended, by source and result.");

    /// <summary>Messages that the app dead-lettered, by <c>reason</c>. The broker dead-letters expired messages by itself.</summary>
    public static readonly Counter<long> DeadLettered =
        Meter.CreateCounter<long>("contentsync.dead_lettered", "{message}", "Messages that the app dead-lettered, by reason.");

    /// <summary>Counts a resync that ended. Alerts compare both texts, so they must not change with the names of types.</summary>
    /// <param name="source"><c>catalog</c> or <c>ledger</c>.</param>
    /// <param name="result">Completed, CompletedWithFailures, HandledAlready, Refused, Stopped, NoCatalog, DryRun or Cancelled.</param>
    public static void ResyncEnded(string source, string result) =>
        ResyncRuns.Add(1, new KeyValuePair<string, object?>("source", source), new KeyValuePair<string, object?>("result", result));

    /// <summary>The span of one content; null where nobody listens, and for one of a bulk.</summary>
    public static Activity? StartContent(string contentId) =>
        InBulk ? null : Source.StartActivity("synchronize content")?.SetTag(ContentIdTag, contentId);

    /// <summary>The span of one try at AlipayHK; null where nobody listens, and for one of a bulk.</summary>
    public static Activity? StartPartnerCall() => InBulk ? null : Source.StartActivity("call AlipayHK", ActivityKind.Client);

    /// <summary>The span that contents of one array share.</summary>
    public static Activity? StartBulk(int contents) => Source.StartActivity(Bulk)?.SetTag("content.count", contents);

    private static bool InBulk => Activity.Current is { OperationName: Bulk };
}
