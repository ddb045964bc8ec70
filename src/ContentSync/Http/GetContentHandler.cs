using System.Text.Json;
using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>GET /api/content/{contentId}: where one content stands.</summary>
public sealed class GetContentHandler(ISyncLedger ledger)
{
    public async Task<IResult> HandleAsync(string contentId, CancellationToken cancellationToken)
    {
        try
        {
            return await ledger.FindAsync(contentId, cancellationToken).ConfigureAwait(false) is { } record
                ? Results.Json(ContentState.Of(record) with { ContentInfo = ContentInfoOf(record.Body) }, ApiJson.Answers.ContentState)
                : Problem.NoSuchContent(contentId);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }

    // The body is ours: one JSON object whose contentInfo is a string.
    private static string? ContentInfoOf(ReadOnlyMemory<byte> body)
    {
        var json = new Utf8JsonReader(body.Span);
        while (json.Read())
        {
            if (json.TokenType != JsonTokenType.PropertyName || !json.ValueTextEquals("contentInfo"u8)) continue;
            json.Read();
            return json.GetString();
        }

        return null;
    }
}
