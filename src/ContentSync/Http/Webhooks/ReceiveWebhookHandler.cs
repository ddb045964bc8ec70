using System.Globalization;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ContentSync.Http.Webhooks;

/// <summary>
/// POST /api/webhooks/content: contents as the data of CloudEvents 1.0 (structured, binary or batched), signed by Standard Webhooks.
/// Each is accepted into the ledger and enqueued, or refused by itself.
/// </summary>
public sealed class ReceiveWebhookHandler(WebhookEventReader events, WebhookVerifier verifier, WebhookIdCache seen, ContentSynchronizer synchronizer, ISyncQueue queue, TimeProvider time)
{
    /// <summary>Most bytes of one message.</summary>
    public const int MaxBodyBytes = 4 * 1024 * 1024;

    private static readonly TimeSpan LedgerWait = TimeSpan.FromSeconds(10);

    /// <returns>
    /// 202 with what became of each content, 200 where none of them is on its way to AlipayHK or the message was taken in before,
    /// 400 no CloudEvent or no valid content in it, 401 not signed by a known secret or not now, 404 where no secret is configured,
    /// 413 too large, 415 no media type of CloudEvents, 503 with Retry-After where the ledger cannot be reached.
    /// </returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (!verifier.IsConfigured) return NotConfigured;
        if (WebhookEventFormats.Of(request) is not { } format)
        {
            return Problem.Of(
                StatusCodes.Status415UnsupportedMediaType,
                "No CloudEvent.",
                $"Content-Type is '{request.ContentType}'; send application/cloudevents+json, application/cloudevents-batch+json, or application/json with the ce- headers, in UTF-8.");
        }

        var (body, refusal) = await RequestBody.ReadRawAsync(request, MaxBodyBytes, cancellationToken).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        string? id = request.Headers[WebhookVerifier.IdHeader];
        var verification = verifier.Verify(id, request.Headers[WebhookVerifier.TimestampHeader], request.Headers[WebhookVerifier.SignatureHeader], body.Span);
        if (verification != WebhookVerification.Valid) return Refused(verification);
        if (seen.Contains(id!)) return Results.Json(new BatchResult(new Dictionary<string, int>(), []) { Duplicate = true }, ApiJson.Responses.BatchResult);
        return await AcceptAsync(request, format, body, id!, cancellationToken).ConfigureAwait(false);
    }

    internal static ProblemHttpResult NotConfigured => Problem.Of(
        StatusCodes.Status404NotFound,
        "The webhook is closed.",
        $"No secret is configured ({WebhookOptions.Section}:{nameof(WebhookOptions.Secrets)}:0), so no message could be trusted.");

    private async Task<IResult> AcceptAsync(HttpRequest request, WebhookEventFormat format, ReadOnlyMemory<byte> body, string id, CancellationToken cancellationToken)
    {
        var (contents, fault) = events.Read(request, format, body);
        if (fault is not null) return Problem.Of(StatusCodes.Status400BadRequest, "Not a CloudEvent.", fault);
        try
        {
            var intake = new BatchIntake(synchronizer, queue, time);
            foreach (var content in contents) await intake.AddAsync(content, cancellationToken).ConfigureAwait(false);
            await intake.AcceptAsync(cancellationToken).ConfigureAwait(false);
            await intake.EnqueueAsync(cancellationToken).ConfigureAwait(false);
            if (contents.Count > 0 && contents.All(content => content.Item is null)) return Problem.Invalid([.. contents.SelectMany(content => content.Violations).Take(100)]);
            // Only now: what was not taken in must be taken when it is sent again.
            seen.Add(id);
            return SubmitContentBatchHandler.Done(intake.Result);
        }
        catch (LedgerUnavailableException e)
        {
            request.HttpContext.Response.Headers.RetryAfter = LedgerWait.TotalSeconds.ToString(CultureInfo.InvariantCulture);
            return Problem.LedgerUnavailable(e);
        }
    }

    // A wrong signature is not told apart from a missing one: which part does not match is for its sender to know.
    private static ProblemHttpResult Refused(WebhookVerification verification) => verification switch
    {
        WebhookVerification.TooOld => Problem.Of(StatusCodes.Status401Unauthorized, "The message is too old.", "Its webhook-timestamp lies more than the tolerance before the clock here. Sign it again with the present time; check the sender's clock."),
        WebhookVerification.TooNew => Problem.Of(StatusCodes.Status401Unauthorized, "The message is from the future.", "Its webhook-timestamp lies more than the tolerance after the clock here. Check the sender's clock."),
        _ => Problem.Of(StatusCodes.Status401Unauthorized, "The message is not signed as it must be.", "Sign webhook-id.webhook-timestamp.body with HMAC-SHA256, by the Standard Webhooks specification, with the secret configured here, and send webhook-id, webhook-timestamp (seconds) and webhook-signature (v1,base64)."),
    };
}
