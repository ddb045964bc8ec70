using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ContentSync.Diagnostics;

/// <summary>
/// The names of this library's traces and metrics. A single item has its own span and one per request to AlipayHK; items in bulk share
/// one span, and only metrics distinguish their outcomes.
/// </summary>
public static class Telemetry
{
    /// <summary>Name of the activity source and of the meter.</summary>
    public const string Name = "ContentSync";

    /// <summary>Span tag: the item's contentId.</summary>
    public const string ContentIdTag = "content.id";

    /// <summary>Span tag: AlipayHK's id of the request, for its support.</summary>
    public const string TracerIdTag = "alipayhk.tracer_id";

    private const string ItemUnit = "{item}";
    private const string Bulk = "synchronize contents in bulk";

    /// <summary>Source of all spans, from trigger to AlipayHK.</summary>
    public static readonly ActivitySource Source = new(Name);

    /// <summary>Source of all metrics.</summary>
    public static readonly Meter Meter = new(Name);

    /// <summary>Attempts, by <c>outcome</c> and <c>code</c>.</summary>
    public static readonly Counter<long> Outcomes = Meter.CreateCounter<long>(
        "contentsync.outcomes", ItemUnit, "Attempts of the synchronizer, by outcome and code.");

    /// <summary>Items parked, by <c>reason</c> and <c>code</c>.</summary>
    public static readonly Counter<long> Parked = Meter.CreateCounter<long>(
        "contentsync.parked", ItemUnit, "Items parked, by reason and code.");

    /// <summary>Acknowledged items whose template AlipayHK reports as frozen or expired, by <c>status</c>; MOVIE only.</summary>
    public static readonly Counter<long> InactiveTemplates = Meter.CreateCounter<long>(
        "contentsync.templates.inactive", ItemUnit, "Acknowledged items whose template AlipayHK reports as frozen or expired, by status.");

    /// <summary>Responses whose signature is not valid, by <c>verification</c>.</summary>
    public static readonly Counter<long> VerificationFailures = Meter.CreateCounter<long>(
        "contentsync.verification.failures", "{response}", "Responses of AlipayHK whose signature is not valid, by kind of failure.");

    /// <summary>Duration of signing, the rate limiter's delay included, by <c>result</c>.</summary>
    public static readonly Histogram<double> SignDuration = Meter.CreateHistogram<double>(
        "contentsync.sign.duration", "s", "Duration of signing, the rate limiter's delay included.");

    /// <summary>Duration of one request to AlipayHK, without signing, by <c>status</c>.</summary>
    public static readonly Histogram<double> AlipayHkDuration = Meter.CreateHistogram<double>(
        "contentsync.alipayhk.duration", "s", "Time from the first byte sent to AlipayHK until its response begins, by HTTP status.");

    /// <summary>Age of the oldest item that is pending past its due time, as the sweep found it; 0 if there is none.</summary>
    public static readonly Gauge<double> OldestPendingAge = Meter.CreateGauge<double>(
        "contentsync.oldest_pending.age", "s", "Time since acceptance of the oldest item that is pending past its due time.");

    /// <summary>Requests per second that a process may send, as of its last renewal; 0 once it has given its lease back.</summary>
    public static readonly Gauge<long> BudgetLeased = Meter.CreateGauge<long>(
        "contentsync.budget.leased", "{request}/s", "Requests per second that this process may send.");

    /// <summary>Callers that wait for their turn of the send budget, as of the last renewal.</summary>
    public static readonly Gauge<long> BudgetWaiting = Meter.CreateGauge<long>(
        "contentsync.budget.waiting", "{caller}", "Callers of this process that wait for their turn of the send budget.");

    /// <summary>Signatures per second that a process may request from a vault, by <c>vault</c> and <c>state</c> (ok, throttled, down).</summary>
    public static readonly Gauge<double> VaultRate = Meter.CreateGauge<double>(
        "contentsync.vault.rate", "{signature}/s", "Signatures per second that this process may request from a vault, by vault and state.");

    /// <summary>1 while nothing is sent, otherwise 0, as the sweep found it; by <c>cause</c> (circuitBreaker, pause).</summary>
    public static readonly Gauge<long> SendingStopped = Meter.CreateGauge<long>(
        "contentsync.sending.stopped", null, "1 while all sending is stopped, otherwise 0, by cause.");

    /// <summary>Items that resync runs plan to send.</summary>
    public static readonly Counter<long> ResyncPlanned = Meter.CreateCounter<long>(
        "contentsync.resync.planned", ItemUnit, "Items that resync runs plan to send.");

    /// <summary>Items of resync runs that are finished, by <c>outcome</c>.</summary>
    public static readonly Counter<long> ResyncDone = Meter.CreateCounter<long>(
        "contentsync.resync.done", ItemUnit, "Items of resync runs that are finished, by outcome.");

    /// <summary>Resyncs that ended, by <c>source</c> (catalog, ledger) and <c>result</c>; see <see cref="ResyncEnded"/>.</summary>
    public static readonly Counter<long> ResyncRuns =
        Meter.CreateCounter<long>("contentsync.resync.runs", "{run}", "Resyncs that ended, by source and result.");

    /// <summary>Messages that the app dead-lettered, by <c>reason</c>. The broker dead-letters expired messages by itself.</summary>
    public static readonly Counter<long> DeadLettered =
        Meter.CreateCounter<long>("contentsync.dead_lettered", "{message}", "Messages that the app dead-lettered, by reason.");

    /// <summary>Attempts to deliver a notification, by <c>type</c> and <c>result</c> (delivered, failed, givenUp).</summary>
    public static readonly Counter<long> Notifications =
        Meter.CreateCounter<long>("contentsync.notifications", "{attempt}", "Attempts to deliver a notification, by type and result.");

    /// <summary>Counts a resync that ended. Alerts compare both texts, so they must not change with the names of types.</summary>
    /// <param name="source"><c>catalog</c> or <c>ledger</c>.</param>
    /// <param name="result">Completed, CompletedWithFailures, HandledAlready, Refused, Stopped, NoCatalog, DryRun or Cancelled.</param>
    public static void ResyncEnded(string source, string result) =>
        ResyncRuns.Add(1, new KeyValuePair<string, object?>("source", source), new KeyValuePair<string, object?>("result", result));

    /// <summary>Starts the span of one item. Null without a listener and inside a bulk span.</summary>
    public static Activity? StartItem(string contentId) =>
        InBulk ? null : Source.StartActivity("synchronize content")?.SetTag(ContentIdTag, contentId);

    /// <summary>Starts the span of one request to AlipayHK. Null without a listener and inside a bulk span.</summary>
    public static Activity? StartRequest() => InBulk ? null : Source.StartActivity("call AlipayHK", ActivityKind.Client);

    /// <summary>Starts the span that the items of one array share.</summary>
    public static Activity? StartBulk(int items) => Source.StartActivity(Bulk)?.SetTag("content.count", items);

    private static bool InBulk => Activity.Current is { OperationName: Bulk };
}
