using System.Globalization;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ContentSync.Http;

/// <summary>
/// POST /api/content: one item. It is accepted into the ledger, then sent immediately, or enqueued if the caller prefers
/// <c>respond-async</c> (RFC 7240).
/// </summary>
public sealed class SubmitContentHandler(
    ContentReader reader,
    ContentOptions options,
    ContentSynchronizer synchronizer,
    RefusedVersions refused,
    ISyncQueue queue)
{
    private static readonly TimeSpan LedgerRetryAfter = TimeSpan.FromSeconds(10);

    /// <returns>
    /// 200 synchronized or unchanged, 202 accepted, 400 not valid, 409 superseded or conflicting, 413 too large, 415 not JSON,
    /// 422 rejected by AlipayHK or parked, 503 with Retry-After if it stays pending or could not be accepted.
    /// </returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (MapParameter.Of(request) is not null)
        {
            const string UseBatch = "A mapping may make several items of one record. Send the record to /api/content/batch with the same query.";
            return Problem.Of(StatusCodes.Status400BadRequest, MapParameter.Title, UseBatch);
        }

        var (body, error) = await RequestBody.ReadAsync(request, options.MaxItemBytes, cancellationToken).ConfigureAwait(false);
        if (error is not null) return error;

        var read = reader.Read(body.Span);
        if (read.Item is null)
        {
            await RecordRefusedAsync(read, cancellationToken).ConfigureAwait(false);
            return Problem.Invalid(read.Violations);
        }

        try
        {
            var acceptance = (await synchronizer
                .AcceptAsync([read.Item], ChangeVersion.OnAcceptance, cancellationToken).ConfigureAwait(false))[0];
            return acceptance.Kind switch
            {
                AcceptanceKind.Superseded => Problem.Superseded(acceptance.Record),
                AcceptanceKind.RevisionConflict => Problem.RevisionConflict(acceptance.Record),
                AcceptanceKind.Unchanged or AcceptanceKind.DelistedUnknown => Ok(acceptance.Record, read.Warnings),
                AcceptanceKind.Parked => Problem.Parked(acceptance.Record),
                _ => await SendAsync(request, acceptance.Record, read.Warnings, cancellationToken).ConfigureAwait(false),
            };
        }
        catch (LedgerUnavailableException e)
        {
            var problem = Problem.Of(
                StatusCodes.Status503ServiceUnavailable, "Not accepted: the ledger is unavailable.", e.Message + " Submit the item again later.");
            return RetryLater(request, LedgerRetryAfter, problem);
        }
    }

    private async ValueTask RecordRefusedAsync(ContentReadResult read, CancellationToken cancellationToken)
    {
        try
        {
            if (await refused.RecordAsync(read, ChangeVersion.OnAcceptance, cancellationToken).ConfigureAwait(false) is not { } delisted) return;
            var message = new SyncMessage(delisted.ContentId, delisted.RequestId, delisted.Hop, TimeSpan.Zero);
            await queue.TryEnqueueAsync([message], cancellationToken).ConfigureAwait(false);
        }
        catch (LedgerUnavailableException)
        {
            // The caller learns from the response that the item is refused.
        }
    }

    private async ValueTask<IResult> SendAsync(
        HttpRequest request, SyncRecord record, IReadOnlyList<ContentViolation> warnings, CancellationToken cancellationToken)
    {
        if (PrefersAsync(request))
        {
            var message = new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero);
            await queue.TryEnqueueAsync([message], cancellationToken).ConfigureAwait(false);
            request.HttpContext.Response.Headers["Preference-Applied"] = "respond-async";
            return Accepted(request, record, warnings);
        }

        var outcome = await synchronizer.SynchronizeAsync(record, cancellationToken).ConfigureAwait(false);
        if (outcome.Kind == SyncOutcomeKind.Pending)
        {
            // Not left to the sweep, which waits longer and ignores when the circuit breaker may reset.
            var pending = outcome.Record ?? record;
            var message = new SyncMessage(pending.ContentId, pending.RequestId, pending.Hop, outcome.Delay);
            await queue.TryEnqueueAsync([message], cancellationToken).ConfigureAwait(false);
        }

        return outcome.Kind switch
        {
            SyncOutcomeKind.Synchronized or SyncOutcomeKind.Unchanged => Ok(outcome.Record!, warnings),
            SyncOutcomeKind.Rejected or SyncOutcomeKind.Parked => Problem.Parked(outcome.Record!),
            _ => RetryLater(
                request,
                outcome.Delay,
                Problem.OfAttempt(
                    StatusCodes.Status503ServiceUnavailable,
                    "Accepted, but not synchronized yet.",
                    $"'{record.ContentId}' is in the ledger and is retried automatically: nothing has to be submitted again. After Retry-After, "
                        + $"GET {ItemAddress.Of(record.ContentId)} shows the outcome; the same request again is harmless and shows it too. "
                        + outcome.Description,
                    outcome.Cause == PendingCause.Retry ? outcome.Record?.LastAttempt : null,
                    outcome.Code)),
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

    private static IResult Ok(SyncRecord record, IReadOnlyList<ContentViolation> warnings) =>
        Results.Json(ContentState.Of(record).With(warnings), ApiJson.Responses.ContentState);

    private static BufferedJsonResult<ContentState> Accepted(
        HttpRequest request, SyncRecord record, IReadOnlyList<ContentViolation> warnings)
    {
        request.HttpContext.Response.Headers.Location = ItemAddress.Of(record.ContentId);
        var state = ContentState.Of(record).With(warnings);
        return new BufferedJsonResult<ContentState>(state, ApiJson.Responses.ContentState, StatusCodes.Status202Accepted);
    }

    private static ProblemHttpResult RetryLater(HttpRequest request, TimeSpan wait, ProblemHttpResult problem)
    {
        var seconds = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds));
        request.HttpContext.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return problem;
    }
}
