using System.Globalization;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http;

/// <summary>
/// POST /api/content: one item. It is accepted into the ledger, then sent immediately, or enqueued if the caller prefers
/// <c>respond-async</c> (RFC 7240).
/// </summary>
public sealed class SubmitContentHandler(
    ContentReader reader,
    ContentOptions options,
    ContentSynchronizer synchronizer,
    ISyncQueue queue,
    [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <summary>Path of an item's state, to which its contentId is appended; served by <see cref="GetContentHandler"/>.</summary>
    public const string StatusPath = "/api/content/";

    private static readonly TimeSpan LedgerRetryAfter = TimeSpan.FromSeconds(10);

    /// <returns>
    /// 200 synchronized or unchanged, 202 accepted, 400 not valid, 409 superseded or conflicting, 413 too large, 415 not JSON,
    /// 422 rejected by AlipayHK or parked, 503 with Retry-After if it stays pending or could not be accepted.
    /// </returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var (body, error) = await RequestBody.ReadAsync(request, options.MaxItemBytes, cancellationToken).ConfigureAwait(false);
        if (error is not null) return error;

        var read = reader.Read(body.Span);
        if (read.Item is null) return Problem.Invalid(read.Violations);
        try
        {
            var acceptance = (await synchronizer.AcceptAsync([read.Item], time.GetUtcNow(), cancellationToken).ConfigureAwait(false))[0];
            return acceptance.Kind switch
            {
                AcceptanceKind.Superseded => Problem.Of(
                    StatusCodes.Status409Conflict,
                    "Superseded.",
                    $"Revision {acceptance.Record.Version} of '{acceptance.Record.ContentId}' was already accepted and is newer."),
                AcceptanceKind.RevisionConflict => Problem.Of(
                    StatusCodes.Status409Conflict,
                    "Revision conflict.",
                    $"Revision {acceptance.Record.Version} of '{acceptance.Record.ContentId}' was already accepted with different content. "
                    + "Raise the revision."),
                AcceptanceKind.Unchanged or AcceptanceKind.DelistedUnknown => Ok(acceptance.Record),
                AcceptanceKind.Parked => Parked(acceptance.Record),
                _ => await SendAsync(request, acceptance.Record, cancellationToken).ConfigureAwait(false),
            };
        }
        catch (LedgerUnavailableException e)
        {
            return RetryLater(request, LedgerRetryAfter, "Not accepted: the ledger is unavailable.", e.Message + " Submit the item again later.");
        }
    }

    private async ValueTask<IResult> SendAsync(HttpRequest request, SyncRecord record, CancellationToken cancellationToken)
    {
        if (PrefersAsync(request))
        {
            var message = new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero);
            await queue.TryEnqueueAsync([message], cancellationToken).ConfigureAwait(false);
            request.HttpContext.Response.Headers["Preference-Applied"] = "respond-async";
            return Accepted(request, record);
        }

        var outcome = await synchronizer.SynchronizeAsync(record.ContentId, cancellationToken).ConfigureAwait(false);
        if (outcome.Kind == SyncOutcomeKind.Pending)
        {
            // Not left to the sweep, which waits longer and ignores when the circuit breaker may reset.
            var pending = outcome.Record ?? record;
            var message = new SyncMessage(pending.ContentId, pending.RequestId, pending.Hop, outcome.Delay);
            await queue.TryEnqueueAsync([message], cancellationToken).ConfigureAwait(false);
        }

        return outcome.Kind switch
        {
            SyncOutcomeKind.Synchronized or SyncOutcomeKind.Unchanged => Ok(outcome.Record!),
            SyncOutcomeKind.Rejected or SyncOutcomeKind.Parked => Parked(outcome.Record!),
            _ => RetryLater(
                request,
                outcome.Delay,
                "Accepted, but not synchronized yet.",
                $"'{record.ContentId}' is in the ledger and will be retried automatically; do not submit it again. {outcome.Description}".TrimEnd()),
        };
    }

    private static bool PrefersAsync(HttpRequest request)
    {
        foreach (var value in request.Headers["Prefer"])
        {
            foreach (var preference in value.AsSpan().Split(','))
            {
                if (value.AsSpan(preference).Trim().Equals("respond-async", StringComparison.OrdinalIgnoreCase)) return true;
            }
        }

        return false;
    }

    private static IResult Ok(SyncRecord record) => Results.Json(ContentState.Of(record), ApiJson.Responses.ContentState);

    private static BufferedJsonResult<ContentState> Accepted(HttpRequest request, SyncRecord record)
    {
        request.HttpContext.Response.Headers.Location = StatusPath + Uri.EscapeDataString(record.ContentId);
        return new BufferedJsonResult<ContentState>(ContentState.Of(record), ApiJson.Responses.ContentState, StatusCodes.Status202Accepted);
    }

    private static ProblemHttpResult Parked(SyncRecord record) => record.ParkReason == ParkReason.Rejected
        ? Problem.Of(
            StatusCodes.Status422UnprocessableEntity,
            "Rejected by AlipayHK.",
            $"{LastResult(record)} Change the content and submit it again; unchanged content is not sent again.")
        : Problem.Of(
            StatusCodes.Status422UnprocessableEntity,
            "Parked.",
            $"Parked after {record.Attempts} attempts; the last one failed with {LastResult(record)} Replay the item once the cause is fixed.");

    private static string LastResult(SyncRecord record) => $"{record.LastAttempt?.Code}: {record.LastAttempt?.Message.TrimEnd('.')}.";

    private static ProblemHttpResult RetryLater(HttpRequest request, TimeSpan wait, string title, string detail)
    {
        var seconds = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds));
        request.HttpContext.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return Problem.Of(StatusCodes.Status503ServiceUnavailable, title, detail);
    }
}
