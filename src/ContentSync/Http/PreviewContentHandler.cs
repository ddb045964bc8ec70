using System.ComponentModel.DataAnnotations;
using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http;

/// <summary>
/// POST /api/content/preview: what would be sent for one item and what the ledger would decide. Sends, signs and stores nothing.
/// </summary>
public sealed class PreviewContentHandler(
    ContentReader reader,
    ContentOptions options,
    AlipayHkOptions alipayHk,
    RequestIdSource requestIds,
    ISyncLedger ledger,
    [FromKeyedServices(Clocks.Wall)] TimeProvider time)
{
    /// <returns>200 with the preview, 400 not valid, 413 too large, 415 not JSON, 503 if the ledger is unavailable.</returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var (body, error) = await RequestBody.ReadAsync(request, options.MaxItemBytes, cancellationToken).ConfigureAwait(false);
        if (error is not null) return error;
        var read = reader.Read(body.Span);
        if (read.Item is not { } item) return Problem.Invalid(read.Violations);
        try
        {
            var now = time.GetUtcNow();
            var current = await ledger.FindAsync(item.ContentId, cancellationToken).ConfigureAwait(false);
            var requestId = requestIds.Create();
            var submission = new Submission(
                item,
                ChangeVersion.Of(item, now),
                submitted => new PreparedRequest(requestId, SynchronizeRequest.Prepare(submitted, requestId)));
            var horizon = await ledger.HorizonAsync(cancellationToken).ConfigureAwait(false);
            var acceptance = SyncTransitions.Accept(current, submission, now, horizon).Acceptance;
            var requestBody = acceptance.Kind == AcceptanceKind.Accepted ? acceptance.Record.Body : SynchronizeRequest.Prepare(item, requestId);
            var wire = RequestPreview.Render(alipayHk, requestBody, now);
            return Results.Json(
                new ContentPreview(
                    item.ContentId,
                    item.Hash.ToString(),
                    wire.Url,
                    wire.Headers.ToDictionary(StringComparer.Ordinal),
                    wire.Body,
                    wire.StringToSign,
                    BatchItemResult.OutcomeOf(acceptance.Kind),
                    Explanation(acceptance.Kind),
                    current is null ? null : ContentState.Of(current)),
                ApiJson.Responses.ContentPreview);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }

    private static string Explanation(AcceptanceKind kind) => kind switch
    {
        AcceptanceKind.Accepted => "It would be accepted as the latest revision and sent.",
        AcceptanceKind.AlreadyPending => "The same content is already pending and will be sent; nothing would be added.",
        AcceptanceKind.Unchanged => "AlipayHK already holds this content; nothing would be sent.",
        AcceptanceKind.Superseded => "A newer revision was already accepted, or may have been and is forgotten; this one would be rejected.",
        AcceptanceKind.RevisionConflict =>
            "The same revision was already accepted with different content; this one would be rejected. Raise the revision.",
        AcceptanceKind.Parked =>
            "The item is parked with this content; it would not be sent again automatically. Change the content or replay the item.",
        AcceptanceKind.DelistedUnknown => "The ledger holds no content of the item, so nothing would be sent; older changes would be superseded.",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown acceptance kind."),
    };
}

/// <summary>What would be sent, and what the ledger would decide.</summary>
/// <param name="ContentId">The item's contentId.</param>
/// <param name="ContentHash">SHA-256 of the item's canonical form.</param>
/// <param name="Url">The URL that the request would be sent to.</param>
/// <param name="Headers">The request's headers, with a note in place of the signature.</param>
/// <param name="Body">The exact body, except that a real request has its own requestId.</param>
/// <param name="StringToSign">The text whose SHA-256 would be signed.</param>
/// <param name="Decision">What the ledger would decide.</param>
/// <param name="Explanation">The decision in one sentence.</param>
/// <param name="Current">The item's state in the ledger; absent if the ledger does not hold it.</param>
public sealed record ContentPreview(
    string ContentId,
    string ContentHash,
    Uri Url,
    IReadOnlyDictionary<string, string> Headers,
    string Body,
    string StringToSign,
    [property: EnumDataType(typeof(AcceptanceKind))] string Decision,
    string Explanation,
    ContentState? Current);
