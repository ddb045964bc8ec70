using System.Globalization;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ContentSync.Http;

/// <summary>
/// POST /api/content: one content. Accepted into the ledger first; then sent at once, or enqueued where the caller prefers
/// <c>respond-async</c> (RFC 7240).
/// </summary>
public sealed class SubmitContentHandler(ContentReader reader, ContentOptions options, ContentSynchronizer synchronizer, ISyncQueue queue, TimeProvider time)
{
    /// <summary>Where <see cref="GetContentHandler"/> answers, below the host's route prefix.</summary>
    public const string StatusPath = "/api/content/";

    /// <returns>
    /// 200 synchronized or unchanged, 202 accepted, 400 not valid, 409 superseded or conflicting, 413 too large, 415 not JSON,
    /// 422 rejected by AlipayHK, 503 with Retry-After where it stays pending or could not be accepted.
    /// </returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var (body, refusal) = await RequestBody.ReadAsync(request, options.MaxItemBytes, cancellationToken).ConfigureAwait(false);
        if (refusal is not null) return refusal;

        var read = reader.Read(body.Span);
        if (read.Item is null) return Problem.Invalid(read.Violations);
        try
        {
            var acceptance = (await synchronizer.AcceptAsync([read.Item], time.GetUtcNow(), cancellationToken).ConfigureAwait(false))[0];
            return acceptance.Kind switch
            {
                AcceptanceKind.Superseded => Problem.Of(
                    StatusCodes.Status409Conflict, "Superseded.", $"Revision {acceptance.Record.Revision} of '{acceptance.Record.ContentId}' was accepted before and is newer."),
                AcceptanceKind.RevisionConflict => Problem.Of(
                    StatusCodes.Status409Conflict, "Revision conflict.", $"Revision {acceptance.Record.Revision} of '{acceptance.Record.ContentId}' was accepted before with other content. Raise the revision."),
                AcceptanceKind.Unchanged => Ok(acceptance.Record),
                AcceptanceKind.Parked => Parked(acceptance.Record),
                _ => await SendAsync(request, acceptance.Record, cancellationToken).ConfigureAwait(false),
            };
        }
        catch (LedgerUnavailableException e)
        {
            return Later(request, TimeSpan.FromSeconds(10), "Not accepted: the ledger cannot be reached.", e.Message + " Send it again later.");
        }
    }

    private async ValueTask<IResult> SendAsync(HttpRequest request, SyncRecord record, CancellationToken cancellationToken)
    {
        if (PrefersAsync(request))
        {
            await queue.TryEnqueueAsync([new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero)], cancellationToken).ConfigureAwait(false);
            request.HttpContext.Response.Headers["Preference-Applied"] = "respond-async";
            return Accepted(request, record);
        }

        var outcome = await synchronizer.SynchronizeAsync(record.ContentId, cancellationToken).ConfigureAwait(false);
        if (outcome.Kind == SyncOutcomeKind.Pending)
        {
            // Not left to the sweep: that one waits longer, and not at all for the end of a stop.
            var pending = outcome.Record ?? record;
            await queue.TryEnqueueAsync([new SyncMessage(pending.ContentId, pending.RequestId, pending.Hop, outcome.Delay)], cancellationToken).ConfigureAwait(false);
        }

        return outcome.Kind switch
        {
            SyncOutcomeKind.Synchronized or SyncOutcomeKind.Unchanged => Ok(outcome.Record!),
            SyncOutcomeKind.Rejected or SyncOutcomeKind.Parked => Parked(outcome.Record!),
            _ => Later(
                request,
                outcome.Delay,
                "Accepted, not synchronized yet.",
                $"'{record.ContentId}' is safe in the ledger and is sent again by itself; no need to submit it again. {outcome.Description}".TrimEnd()),
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
        ? Problem.Of(StatusCodes.Status422UnprocessableEntity, "Rejected by AlipayHK.", $"{Said(record)} Change the content; the same content is not sent again.")
        : Problem.Of(StatusCodes.Status422UnprocessableEntity, "Parked.", $"Given up on after {record.Attempts} attempts; the last one ended with {Said(record)} Replay it when the cause is mended.");

    private static string Said(SyncRecord record) => $"{record.LastAttempt?.Code}: {record.LastAttempt?.Message.TrimEnd('.')}.";

    private static ProblemHttpResult Later(HttpRequest request, TimeSpan wait, string title, string detail)
    {
        var seconds = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds));
        request.HttpContext.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return Problem.Of(StatusCodes.Status503ServiceUnavailable, title, detail);
    }
}
