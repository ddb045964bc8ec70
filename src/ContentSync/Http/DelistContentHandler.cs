using System.Buffers;
using System.Globalization;
using System.Text.Json;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>
/// DELETE /api/content/{contentId}, or DELETE /api/content with the contentId in the query: delists an item with the contentInfo that was
/// accepted last. Ordered like any change; <c>revision</c> or <c>occurredAt</c> may be in the query.
/// </summary>
public sealed class DelistContentHandler(ContentReader reader, ContentSynchronizer synchronizer, ISyncQueue queue)
{
    internal const string Revision = "revision";
    internal const string OccurredAt = "occurredAt";

    private static readonly TimeSpan LedgerRetryAfter = TimeSpan.FromSeconds(10);

    /// <returns>
    /// 202 with the item's state: pending, already delisted, or a tombstone if the ledger holds no content of it; 400 if the request does
    /// not name one item or its version is not valid, 409 superseded or conflicting, 422 parked, 503 with Retry-After if the ledger is
    /// unavailable.
    /// </returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var (contentId, fault) = ItemAddress.Read(request, Revision, OccurredAt);
        if (fault is not null) return fault;
        var read = reader.Read(Item(contentId, request.Query[Revision], request.Query[OccurredAt]).Span);
        if (read.Item is not { } item) return Problem.Invalid(read.Violations);
        try
        {
            var (kind, record) = (await synchronizer
                .AcceptAsync([synchronizer.Submit(item, ChangeVersion.OnAcceptance)], cancellationToken).ConfigureAwait(false))[0];
            switch (kind)
            {
                case AcceptanceKind.Superseded:
                    return Problem.Superseded(record);
                case AcceptanceKind.RevisionConflict:
                    return Problem.RevisionConflict(record);
                case AcceptanceKind.Parked:
                    return Problem.Parked(record);
                case AcceptanceKind.Accepted or AcceptanceKind.AlreadyPending:
                    var message = new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero);
                    await queue.TryEnqueueAsync([message], cancellationToken).ConfigureAwait(false);
                    break;
            }

            request.HttpContext.Response.Headers.Location = ItemAddress.Of(record.ContentId);
            var state = ContentState.Of(record).With(read.Warnings);
            return Results.Json(state, ApiJson.Responses.ContentState, statusCode: StatusCodes.Status202Accepted);
        }
        catch (LedgerUnavailableException e)
        {
            request.HttpContext.Response.Headers.RetryAfter = LedgerRetryAfter.TotalSeconds.ToString(CultureInfo.InvariantCulture);
            return Problem.LedgerUnavailable(e);
        }
    }

    // Read like any other item, so that the same rules hold for its id and version.
    private static ReadOnlyMemory<byte> Item(string contentId, string? revision, string? occurredAt)
    {
        var text = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            json.WriteString("contentId", contentId);
            json.WriteNumber("contentStatus", (int)ContentStatus.Invalid);
            if (long.TryParse(revision, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) json.WriteNumber(Revision, number);
            else if (revision is not null) json.WriteString(Revision, revision);
            if (occurredAt is not null) json.WriteString(OccurredAt, occurredAt);
            json.WriteEndObject();
        }

        return text.WrittenMemory;
    }
}
