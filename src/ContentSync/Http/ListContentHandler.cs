using System.Globalization;
using ContentSync.Content;
using ContentSync.Http.Description;
using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ContentSync.Http;

/// <summary>
/// GET /api/content: the items that match a filter, a page at a time, in a stable order. With a contentId in the query it returns that item.
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
        ParameterDescription.Query("reason", "Only items that are parked for this reason.") with { Type = typeof(ParkReason) },
        ParameterDescription.Query("prefix", "Only items whose contentId begins with this text."),
        ParameterDescription.Query(
            "from", "Only items whose last attempt ended, or whose content was accepted after it, at this time or later: ISO 8601 with zone."),
        ParameterDescription.Query("to", "The same, before this time."),
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

        ParkReason? reason = null;
        if (Text(query, "reason") is { } reasonText)
        {
            if (!EnumText.TryRead<ParkReason>(reasonText, out var named))
                return Problem.Query("reason", reasonText, $"one of {EnumText.All<ParkReason>()}");
            reason = named;
        }

        foreach (var name in (string[])["from", "to"])
        {
            if (Text(query, name) is { } time && !ZonedTime.TryParse(time, out _)) return Problem.Query(name, time, ZonedTime.Expected);
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
            ParkReason = reason,
            From = Time(query, "from"),
            To = Time(query, "to"),
            IdPrefix = Text(query, "prefix"),
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
            var page = await ledger.PageAsync(filter, after, limit, cancellationToken).ConfigureAwait(false);
            var continuation = page.Next is { } next ? tokens.Write(list, next) : null;
            var searched = continuation is null ? null : page.Searched;
            return Results.Json(new ContentPage([.. page.Items.Select(ContentState.Of)], continuation, searched), ApiJson.Responses.ContentPage);
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

    private static DateTimeOffset? Time(IQueryCollection query, string name) =>
        Text(query, name) is { } text && ZonedTime.TryParse(text, out var time) ? time : null;

    private static string? Text(IQueryCollection query, string name) =>
        query.TryGetValue(name, out var value) && !string.IsNullOrEmpty(value) ? value.ToString() : null;
}

/// <summary>A page of a list.</summary>
/// <param name="Items">
/// On one machine ordered by contentId; in the cloud in a stable order of its own, and a page may be short or empty although more follow.
/// </param>
/// <param name="Continuation">Token for the next page; absent on the last page.</param>
/// <param name="Searched">Share of the ledger that was searched up to the end of this page, 0 to 1; absent on the last page and if unknown.</param>
public sealed record ContentPage(IReadOnlyList<ContentState> Items, string? Continuation, double? Searched = null);
