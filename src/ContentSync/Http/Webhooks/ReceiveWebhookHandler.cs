using System.Globalization;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Mapping;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Http.Webhooks;

/// <summary>
/// POST /api/webhooks/content: items as the data of CloudEvents 1.0 (structured, binary or batched), signed according to Standard
/// Webhooks or delivered by Event Grid; or one item, signed by a shop. Each item is accepted into the ledger and enqueued, or rejected, on
/// its own.
/// </summary>
public sealed partial class ReceiveWebhookHandler(
    WebhookEventReader events,
    WebhookAuthenticator authenticator,
    WebhookIdCache ids,
    ContentSynchronizer synchronizer,
    RefusedVersions refused,
    ISyncQueue queue,
    MappedItemReader mapped,
    [FromKeyedServices(Clocks.Store)] TimeProvider time,
    ILogger<ReceiveWebhookHandler> logger)
{
    /// <summary>Max bytes per message.</summary>
    public const int MaxBodyBytes = 4 * 1024 * 1024;

    private const int MaxErrors = 100;

    private const int MaxPingBytes = 64;

    private static readonly TimeSpan LedgerRetryAfter = TimeSpan.FromSeconds(10);

    /// <returns>
    /// 202 with the outcome of each item, 200 if none of them is to be sent to AlipayHK or the message was already accepted, 400 not a
    /// CloudEvent or without a valid item, 401 not signed with a configured secret or signed too long ago or ahead of time, 404 if no
    /// secret is configured, 413 too large, 415 not a media type of CloudEvents, 503 with Retry-After if the ledger is unavailable.
    /// </returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (!authenticator.IsConfigured)
        {
            LogRefused("unknown sender", "no sender is configured");
            return NotConfigured;
        }

        if (authenticator.MayBePing(request))
        {
            var (ping, unreadable) = await RequestBody.ReadRawAsync(request, MaxPingBytes, cancellationToken).ConfigureAwait(false);
            if (unreadable is not null) return unreadable;
            if (WebhookAuthenticator.IsPing(ping.Span)) return Results.Json(Nothing, ApiJson.Responses.BatchResult);
        }

        if (WebhookEventFormats.Of(request, authenticator.SenderOf(request)) is not { } format)
        {
            LogRefused(authenticator.SenderOf(request).ToString(), "its media type is none of CloudEvents");
            return Problem.Of(
                StatusCodes.Status415UnsupportedMediaType,
                "Not a CloudEvent.",
                $"Content-Type is '{request.ContentType}'; send application/cloudevents+json, application/cloudevents-batch+json, "
                + "or application/json with the ce- headers, in UTF-8.");
        }

        var (body, error) = await RequestBody.ReadRawAsync(request, MaxBodyBytes, cancellationToken).ConfigureAwait(false);
        if (error is not null) return error;
        var authentic = await authenticator.AuthenticateAsync(request, body, cancellationToken).ConfigureAwait(false);
        if (authentic.MessageId is not { } id)
        {
            LogRefused(authentic.Sender.ToString(), Reason(authentic.Verification));
            return Refused(request, authentic);
        }

        var known = ids.GetOrAdd(id, time.GetUtcNow());
        if (known.IsAccepted) return Results.Json(Nothing with { Duplicate = true }, ApiJson.Responses.BatchResult);
        var message = new Message(id, format, body, known.FirstReceivedAt);
        return await AcceptAsync(request, message, cancellationToken).ConfigureAwait(false);
    }

    internal static ProblemHttpResult NotConfigured => Problem.Of(
        StatusCodes.Status404NotFound,
        "The webhook is disabled.",
        $"No sender is configured (for example {WebhookOptions.Section}:{nameof(WebhookOptions.Secrets)}:0), so no message can be trusted.");

    private static BatchResult Nothing => new(new Dictionary<string, int>(), []);

    private async Task<IResult> AcceptAsync(HttpRequest request, Message message, CancellationToken cancellationToken)
    {
        var (items, error) = await ReadAsync(request, message, cancellationToken).ConfigureAwait(false);
        if (error is not null)
        {
            LogRefused(authenticator.SenderOf(request).ToString(), "its body cannot be read as events or items");
            return error;
        }

        try
        {
            var intake = new BatchIntake(synchronizer, refused, queue) { ReceivedAt = message.ReceivedAt };
            foreach (var item in items) await intake.AddAsync(item, cancellationToken).ConfigureAwait(false);
            await intake.AcceptAsync(cancellationToken).ConfigureAwait(false);
            await intake.EnqueueAsync(cancellationToken).ConfigureAwait(false);
            if (items.Count > 0 && items.All(item => item.Item is null))
            {
                LogRefused(authenticator.SenderOf(request).ToString(), $"none of its items is valid ({items[0].Violations[0].Code})");
                return Problem.Invalid([.. items.SelectMany(item => item.Violations).Take(MaxErrors)]);
            }

            // Only now: a message that was not accepted must be accepted when it is delivered again.
            ids.MarkAccepted(message.Id);
            return SubmitContentBatchHandler.Done(intake.Result);
        }
        catch (LedgerUnavailableException e)
        {
            request.HttpContext.Response.Headers.RetryAfter = LedgerRetryAfter.TotalSeconds.ToString(CultureInfo.InvariantCulture);
            return Problem.LedgerUnavailable(e);
        }
    }

    private async ValueTask<(IReadOnlyList<ContentReadResult> Items, IResult? Error)> ReadAsync(
        HttpRequest request, Message message, CancellationToken cancellationToken)
    {
        if (MapParameter.Of(request) is not { } name)
        {
            var (read, fault) = events.Read(request, message.Format, message.Body, message.ReceivedAt);
            return (read, fault is null ? null : Problem.Of(StatusCodes.Status400BadRequest, "Not a CloudEvent.", fault));
        }

        if (message.Format != WebhookEventFormat.Item)
        {
            const string OnlyShops = "A mapping is for the body that a shop sends; the data of a CloudEvent is an item in our own form.";
            return ([], Problem.Of(StatusCodes.Status400BadRequest, MapParameter.Title, OnlyShops));
        }

        try
        {
            var (items, fault) = await mapped.ReadAsync(name, message.Body, message.ReceivedAt, cancellationToken).ConfigureAwait(false);
            var wrong = fault is null ? null : Problem.Of(StatusCodes.Status400BadRequest, MapParameter.Title, fault);
            return ([.. items.Select(item => item.Result)], wrong);
        }
        catch (Exception e) when (e is MappingException or IOException)
        {
            request.HttpContext.Response.Headers.RetryAfter = LedgerRetryAfter.TotalSeconds.ToString(CultureInfo.InvariantCulture);
            return ([], Problem.Of(StatusCodes.Status503ServiceUnavailable, MapParameter.Title, MapParameter.DetailOf(e)));
        }
    }

    // The response does not distinguish a wrong signature from a missing one: a forger must not learn which part did not match.
    private static ProblemHttpResult Refused(HttpRequest request, WebhookAuthentication message)
    {
        if (message.Verification != WebhookVerification.KeysUnavailable) return Unauthorized(message);
        request.HttpContext.Response.Headers.RetryAfter = LedgerRetryAfter.TotalSeconds.ToString(CultureInfo.InvariantCulture);
        return Problem.Of(
            StatusCodes.Status503ServiceUnavailable,
            "The token cannot be verified now.",
            "The keys of Microsoft Entra ID cannot be read. Deliver the message again later.");
    }

    private static ProblemHttpResult Unauthorized(WebhookAuthentication message) => message.Verification switch
    {
        WebhookVerification.InvalidToken => Problem.Of(
            StatusCodes.Status401Unauthorized,
            "The token is missing or wrong.",
            "Configure the event subscription with the tenant and the application of the settings, and give Event Grid's application the role "
            + $"{EventGridTokens.Role}."),
        _ when message.Sender is WebhookSender.Shopify or WebhookSender.WooCommerce => Problem.Of(
            StatusCodes.Status401Unauthorized,
            "The signature is missing or wrong.",
            $"Give the app the secret with which {message.Sender} signs its webhooks."),
        WebhookVerification.TooOld => Problem.Of(
            StatusCodes.Status401Unauthorized,
            "The message is too old.",
            "Its webhook-timestamp is older than the tolerance allows. Sign it again with the current time, and check the sender's clock."),
        WebhookVerification.TooNew => Problem.Of(
            StatusCodes.Status401Unauthorized,
            "The message is from the future.",
            "Its webhook-timestamp is further ahead than the tolerance allows. Check the sender's clock."),
        _ => Problem.Of(
            StatusCodes.Status401Unauthorized,
            "The signature is missing or wrong.",
            "Sign webhook-id.webhook-timestamp.body with HMAC-SHA256 and the configured secret, as the Standard Webhooks specification "
            + "describes, and send webhook-id, webhook-timestamp (seconds) and webhook-signature (v1,base64)."),
    };

    // The log may say which part did not match: it is for the receiver, not for the sender.
    private static string Reason(WebhookVerification verification) => verification switch
    {
        WebhookVerification.IncompleteHeaders => "a header for its id, timestamp or signature is missing or malformed",
        WebhookVerification.TooOld => "its timestamp is too old; check the sender's clock",
        WebhookVerification.TooNew => "its timestamp is in the future; check the sender's clock",
        WebhookVerification.InvalidToken => "its token is missing, expired, or not for this app",
        WebhookVerification.KeysUnavailable => "the keys that verify its token cannot be read now",
        _ => "none of the configured secrets matches its signature",
    };

    [LoggerMessage(EventId = 2601, Level = LogLevel.Warning, Message = "Refused a webhook of {Sender}: {Reason}")]
    private partial void LogRefused(string sender, string reason);

    /// <summary>An authentic message; <c>ReceivedAt</c> is the time of its first delivery.</summary>
    private sealed record Message(string Id, WebhookEventFormat Format, ReadOnlyMemory<byte> Body, DateTimeOffset ReceivedAt);
}
