using System.Globalization;
using ContentSync.Http.Description;
using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ContentSync.Http;

/// <summary>
/// GET /api/content: the items that match a filter, a page at a time, ordered by contentId. With a contentId in the query it returns that item.
/// </summary>
public sealed class ListContentHandler(ISyncLedger ledger, ContinuationTokens tokens, GetContentHandler one)
{
    /// <summary>Items per page if the request gives no limit.</summary>
    public const int DefaultLimit = 50;

    /// <summary>Max items per page.</summary>
    public const int MaxLimit = 200;

    internal static readonly IReadOnlyList<ParameterDescription> Parameters =
    [
        ParameterDescription.Query("state", "Only items in this state.") with { Type = typeof(SyncState) },
        ParameterDescription.Query("type", "Only items of exactly this contentType."),
        ParameterDescription.Query("code", "Only items whose last attempt ended with this code."),
        ParameterDescription.Query("stale", "true: only items that are stale.") with { Type = typeof(bool) },
        ParameterDescription.Query("limit", "Max items per page.") with
        {
            Type = typeof(int),
            Minimum = 1,
            Maximum = MaxLimit,
            Default = DefaultLimit,
        },
        ParameterDescription.Query("continuation", "The continuation from the previous response, unmodified and with the same filters."),
        ParameterDescription.Query(
            ItemAddress.Parameter,
            "Return this item instead of a page, with no other parameter: for every id, also one that must not be in a path."),
    ];

    private static readonly string[] Names = [.. Parameters.Select(parameter => parameter.Name)];

    /// <returns>200 with a page, 400 if the query is not valid, 503 if the ledger is unavailable.</returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.Query.ContainsKey(ItemAddress.Parameter)) return await one.HandleAsync(request, cancellationToken).ConfigureAwait(false);
        if (Fault(request.Query) is { } fault) return fault;
        var query = request.Query;
        SyncState? state = null;
        if (Text(query, "state") is { } stateText)
        {
            if (!EnumText.TryRead<SyncState>(stateText, out var named))
                return Problem.Query("state", stateText, $"one of {EnumText.All<SyncState>()}");
            state = named;
        }

        var stale = Text(query, "stale");
        if (stale is not (null or "true" or "false")) return Problem.Query("stale", stale, "true or false");

        var limit = DefaultLimit;
        if (Text(query, "limit") is { } limitText
            && (!int.TryParse(limitText, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxLimit))
            return Problem.Query("limit", limitText, $"a whole number from 1 to {MaxLimit}");

        var filter = new SyncRecordFilter
        {
            State = state,
            ContentType = Text(query, "type"),
            ResultCode = Text(query, "code"),
            IsStale = stale == "true",
        };
        var list = filter.ToString();
        string? after = null;
        if (Text(query, "continuation") is { } token)
        {
            if (!tokens.TryRead(list, token, out var read)) return InvalidContinuation;
            after = read;
        }

        try
        {
            // One item more than requested shows whether another page follows.
            var records = await ledger.PageAsync(filter, after, limit + 1, cancellationToken).ConfigureAwait(false);
            var page = records.Take(limit).Select(ContentState.Of).ToArray();
            var continuation = records.Count > limit ? tokens.Write(list, page[^1].ContentId) : null;
            return Results.Json(new ContentPage(page, continuation), ApiJson.Responses.ContentPage);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }

    private static ProblemHttpResult InvalidContinuation => Problem.Of(
        StatusCodes.Status400BadRequest,
        "The continuation is not valid.",
        "It was modified, belongs to a list with different filters, or has expired. "
        + "Send it exactly as the previous response gave it, with the same filters, or omit it to start from the beginning.");

    private static ProblemHttpResult? Fault(IQueryCollection query)
    {
        foreach (var (name, values) in query)
        {
            if (!Names.Contains(name, StringComparer.Ordinal))
                return Problem.Query($"Unknown parameter '{name}'; the parameters are {string.Join(", ", Names)}.");
            if (values.Count > 1) return Problem.Query($"The parameter '{name}' is given {values.Count} times; give it once.");
        }

        return null;
    }

    private static string? Text(IQueryCollection query, string name) =>
        query.TryGetValue(name, out var value) && !string.IsNullOrEmpty(value) ? value.ToString() : null;
}

/// <summary>A page of a list.</summary>
/// <param name="Items">Ordered by contentId.</param>
/// <param name="Continuation">Token for the next page; absent on the last page.</param>
public sealed record ContentPage(IReadOnlyList<ContentState> Items, string? Continuation);
