using System.Globalization;
using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ContentSync.Http;

/// <summary>GET /api/content: the contents that match, a page at a time, in the order of their ids.</summary>
public sealed class ListContentHandler(ISyncLedger ledger, ContinuationTokens tokens)
{
    /// <summary>Items of a page where the caller names no limit.</summary>
    public const int DefaultLimit = 50;

    /// <summary>Most items of a page.</summary>
    public const int MaxLimit = 200;

    internal static readonly string[] Parameters = ["state", "type", "code", "limit", "continuation"];

    /// <returns>200 with a page, 400 where the query is not understood, 503 where the ledger cannot be reached.</returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (Refusal(request.Query) is { } refusal) return refusal;
        var query = request.Query;
        SyncState? state = null;
        if (Text(query, "state") is { } stateText)
        {
            if (!EnumText.TryRead<SyncState>(stateText, out var named)) return Problem.Query("state", stateText, $"one of {EnumText.All<SyncState>()}");
            state = named;
        }

        var limit = DefaultLimit;
        if (Text(query, "limit") is { } limitText && (!int.TryParse(limitText, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxLimit))
            return Problem.Query("limit", limitText, $"a whole number from 1 to {MaxLimit}");

        var filter = new SyncRecordFilter { State = state, ContentType = Text(query, "type"), ResultCode = Text(query, "code") };
        var list = filter.ToString();
        string? after = null;
        if (Text(query, "continuation") is { } token)
        {
            if (!tokens.TryRead(list, token, out var read))
                return Problem.Of(StatusCodes.Status400BadRequest, "The continuation is not valid.", "It was changed on the way, belongs to a list with other filters, or has expired. Hand it back exactly as the answer before gave it, with the same filters; without it the list starts from the beginning.");
            after = read;
        }

        try
        {
            // One more than asked for shows whether another page follows.
            var records = await ledger.PageAsync(filter, after, limit + 1, cancellationToken).ConfigureAwait(false);
            var page = records.Take(limit).Select(ContentState.Of).ToArray();
            return Results.Json(new ContentPage(page, records.Count > limit ? tokens.Write(list, page[^1].ContentId) : null), ApiJson.Responses.ContentPage);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }

    private static ProblemHttpResult? Refusal(IQueryCollection query)
    {
        foreach (var (name, values) in query)
        {
            if (!Parameters.Contains(name, StringComparer.Ordinal))
                return Problem.Of(StatusCodes.Status400BadRequest, "The query is not understood.", $"There is no parameter '{name}'; there are {string.Join(", ", Parameters)}.");
            if (values.Count > 1)
                return Problem.Of(StatusCodes.Status400BadRequest, "The query is not understood.", $"The parameter '{name}' is there {values.Count} times; give it once.");
        }

        return null;
    }

    private static string? Text(IQueryCollection query, string name) => query.TryGetValue(name, out var value) && !string.IsNullOrEmpty(value) ? value.ToString() : null;
}

/// <summary>A page of a list.</summary>
/// <param name="Items">In the order of their ids.</param>
/// <param name="Continuation">To be handed back for the next page; absent on the last one.</param>
public sealed record ContentPage(IReadOnlyList<ContentState> Items, string? Continuation);
