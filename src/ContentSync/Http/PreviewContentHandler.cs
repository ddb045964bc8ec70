using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>POST /api/content/preview: what would be sent for one content and what the ledger would decide. Sends, signs and stores nothing.</summary>
public sealed class PreviewContentHandler(ContentReader reader, ContentOptions options, AlipayHkOptions alipayHk, RequestIdSource requestIds, ISyncLedger ledger, TimeProvider time)
{
    /// <returns>200 with the preview, 400 not valid, 413 too large, 415 not JSON, 503 where the ledger cannot be reached.</returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var (body, refusal) = await RequestBody.ReadAsync(request, options.MaxItemBytes, cancellationToken).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        var read = reader.Read(body.Span);
        if (read.Item is not { } item) return Problem.Invalid(read.Violations);
        try
        {
            var now = time.GetUtcNow();
            var current = await ledger.FindAsync(item.ContentId, cancellationToken).ConfigureAwait(false);
            var requestId = requestIds.Create();
            var submission = new Submission(item, item.Revision ?? Revision.At(now), content => new PreparedRequest(requestId, SynchronizeRequest.Prepare(content, requestId)));
            var acceptance = SyncTransitions.Accept(current, submission, now).Acceptance;
            var wire = RequestPreview.Render(alipayHk, acceptance.Kind == AcceptanceKind.Accepted ? acceptance.Record.Body : SynchronizeRequest.Prepare(item, requestId), now);
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
        AcceptanceKind.Accepted => "It would be taken in as the newest revision and sent.",
        AcceptanceKind.AlreadyPending => "The same content is pending already and is sent with its own request; this one would add nothing.",
        AcceptanceKind.Unchanged => "AlipayHK holds this very content; nothing would be sent.",
        AcceptanceKind.Superseded => "A newer revision was accepted before; this one would be refused.",
        AcceptanceKind.RevisionConflict => "The same revision was accepted before with other content; it would be refused. Raise the revision.",
        AcceptanceKind.Parked => "This very content is parked; it would not be sent again by itself. Change it, or replay it.",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not an acceptance."),
    };
}

/// <summary>What would be sent, and what the ledger would decide.</summary>
/// <param name="ContentId">Which content.</param>
/// <param name="ContentHash">Over the canonical form.</param>
/// <param name="Url">Where it would go.</param>
/// <param name="Headers">The signature is replaced by a note.</param>
/// <param name="Body">The exact body; a real request has a requestId of its own.</param>
/// <param name="StringToSign">The text whose SHA-256 would be signed.</param>
/// <param name="Decision">accepted, alreadyPending, unchanged, superseded, revisionConflict or parked.</param>
/// <param name="Explanation">The decision in one sentence.</param>
/// <param name="Current">What the ledger holds of it now; absent where nothing.</param>
public sealed record ContentPreview(
    string ContentId, string ContentHash, Uri Url, IReadOnlyDictionary<string, string> Headers, string Body, string StringToSign, string Decision, string Explanation, ContentState? Current);
