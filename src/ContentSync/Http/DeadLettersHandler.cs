using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text;
using System.Text.Json;
using ContentSync.Http.Description;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ContentSync.Http;

/// <summary>/api/dead-letters: shows, resubmits and discards messages in the dead-letter queues.</summary>
/// <param name="deadLetters">Null in a host whose queue keeps no messages, such as the local one.</param>
public sealed class DeadLettersHandler(IDeadLetters? deadLetters = null)
{
    /// <summary>Max messages of one call.</summary>
    public const int MaxMessages = 1_000;

    /// <summary>Messages per page if the request gives no limit.</summary>
    public const int DefaultLimit = 50;

    /// <summary>Max messages per page.</summary>
    public const int MaxLimit = 200;

    internal const string Path = "/api/dead-letters";
    internal const string Queue = "queue";
    internal const string SequenceNumber = "sequenceNumber";

    internal static readonly IReadOnlyList<ParameterDescription> Parameters =
    [
        ParameterDescription.Query(Queue, "Whose dead-letter queue; content if absent.") with { Type = typeof(DeadLetterQueue) },
        ParameterDescription.Query("reason", "Only messages with exactly this reason."),
        ParameterDescription.Query("code", "Only messages with this resultCode."),
        ParameterDescription.Query("contentId", "Only messages of this item."),
        ParameterDescription.Query("from", "Only messages with this number or a higher one: next of the previous response.") with
        {
            Type = typeof(long),
        },
        ParameterDescription.Query("limit", "Max messages per page.") with
        {
            Type = typeof(int),
            Minimum = 1,
            Maximum = MaxLimit,
            Default = DefaultLimit,
        },
    ];

    private const int MaxBodyBytes = 64 * 1024;

    /// <summary>Max messages that one page reads to find those that match; the next page continues there. Each has up to 256 KB.</summary>
    private const int MaxReadPerPage = 2_000;

    /// <summary>Max messages that are read to select some to resubmit or discard.</summary>
    private const int MaxRead = 10_000;

    private const string Title = "The request is not valid.";
    private const string Members = "queue, sequenceNumbers, reason, code, contentId, all and dryRun";

    private static readonly string[] Names = [.. Parameters.Select(parameter => parameter.Name)];

    private static ProblemHttpResult None => Problem.Of(
        StatusCodes.Status404NotFound,
        "No dead-letter queue.",
        "This host has no dead-letter queue: its queue keeps no messages. What AlipayHK rejected, or what failed too often, is parked in the "
        + "ledger: GET /api/content?state=parked, or contentsync list --state parked.");

    /// <summary>GET /api/dead-letters.</summary>
    /// <returns>200 with a page, 400 if the query is not valid, 404 without a dead-letter queue, 503 if it cannot be read.</returns>
    public async Task<IResult> ListAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (deadLetters is null) return None;
        var query = request.Query;
        if (query.Keys.FirstOrDefault(name => !Names.Contains(name)) is { } unknown)
            return Problem.Query($"{unknown} is not a parameter; the query takes {string.Join(", ", Names)}.");
        if (!TryQueue(query[Queue].ToString() is { Length: > 0 } name ? name : "content", out var queue))
            return Problem.Query(Queue, query[Queue].ToString(), $"one of {EnumText.All<DeadLetterQueue>()}");
        var from = 0L;
        if (query["from"].ToString() is { Length: > 0 } fromText && !TryNumber(fromText, out from))
            return Problem.Query("from", fromText, "a message's number");
        var limit = (long)DefaultLimit;
        if (query["limit"].ToString() is { Length: > 0 } limitText && (!TryNumber(limitText, out limit) || limit is < 1 or > MaxLimit))
            return Problem.Query("limit", limitText, $"a whole number from 1 to {MaxLimit}");
        var filter = new DeadLetterFilter(Text(query["reason"]), Text(query["code"]), Text(query["contentId"]));
        var items = new List<DeadLetterState>();
        try
        {
            var read = 0;
            await foreach (var letter in deadLetters.PeekAsync(queue, from, cancellationToken).ConfigureAwait(false))
            {
                if (items.Count == limit || read++ == MaxReadPerPage) return Page(items, letter.SequenceNumber);
                if (filter.Matches(letter)) items.Add(DeadLetterState.Of(queue, letter));
            }
        }
        catch (QueueUnavailableException e)
        {
            return Unavailable(e);
        }

        return Page(items, null);
    }

    /// <summary>GET /api/dead-letters/{queue}/{sequenceNumber}.</summary>
    /// <returns>200, 400 if queue or number is not one, 404 if there is no such message, 503 if the queue cannot be read.</returns>
    public async Task<IResult> GetAsync(string queueName, string sequenceNumber, CancellationToken cancellationToken)
    {
        if (deadLetters is null) return None;
        if (!TryQueue(queueName, out var queue)) return Problem.Query(Queue, queueName, $"one of {EnumText.All<DeadLetterQueue>()}");
        if (!TryNumber(sequenceNumber, out var number)) return Problem.Query(SequenceNumber, sequenceNumber, "a message's number");
        try
        {
            await foreach (var letter in deadLetters.PeekAsync(queue, number, cancellationToken).ConfigureAwait(false))
            {
                if (letter.SequenceNumber != number) break;
                return Results.Json(DeadLetterState.Whole(queue, letter), ApiJson.Responses.DeadLetterState);
            }
        }
        catch (QueueUnavailableException e)
        {
            return Unavailable(e);
        }

        return Problem.Of(
            StatusCodes.Status404NotFound,
            "No such message.",
            $"The dead-letter queue of {queueName} has no message {sequenceNumber}. It may have been resubmitted or discarded.");
    }

    /// <summary>POST /api/dead-letters/resubmit and /api/dead-letters/discard.</summary>
    /// <returns>200, 400, 413 or 415 for an invalid body, 404 without a dead-letter queue, 503 if it cannot be read or written.</returns>
    public async Task<IResult> SettleAsync(HttpRequest request, DeadLetterAction action, CancellationToken cancellationToken)
    {
        if (deadLetters is null) return None;
        var (body, error) = await RequestBody.ReadAsync(request, MaxBodyBytes, cancellationToken).ConfigureAwait(false);
        if (error is not null) return error;
        DeadLetterRequest selection;
        try
        {
            selection = JsonSerializer.Deserialize(body.Span, ApiJson.Strict.DeadLetterRequest) ?? throw new JsonException("null is no request.");
        }
        catch (JsonException e)
        {
            return Problem.Json(Title, e, Members);
        }

        if (selection.Fault() is { } fault) return Problem.Of(StatusCodes.Status400BadRequest, Title, fault);
        TryQueue(selection.Queue!, out var queue);
        try
        {
            var (numbers, more, reasons) = await SelectAsync(deadLetters, queue, selection, cancellationToken).ConfigureAwait(false);
            var done = selection.DryRun || numbers.Count == 0
                ? 0
                : await deadLetters.SettleAsync(queue, numbers, action, cancellationToken).ConfigureAwait(false);
            return Results.Json(
                new DeadLetterResponse(selection.DryRun, numbers.Count, done, more, reasons), ApiJson.Responses.DeadLetterResponse);
        }
        catch (QueueUnavailableException e)
        {
            return Unavailable(e);
        }
    }

    internal static bool TryQueue(string text, out DeadLetterQueue queue) => EnumText.TryRead(text, out queue);

    // The messages are chosen before the first is touched: a resubmitted one that fails again at once would otherwise be resubmitted forever.
    private static async Task<(HashSet<long> Numbers, bool More, SortedDictionary<string, int> Reasons)> SelectAsync(
        IDeadLetters letters, DeadLetterQueue queue, DeadLetterRequest selection, CancellationToken cancellationToken)
    {
        var named = selection.SequenceNumbers?.ToHashSet();
        var filter = new DeadLetterFilter(selection.Reason, selection.Code, selection.ContentId);
        var numbers = new HashSet<long>();
        var reasons = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var read = 0;
        await foreach (var letter in letters.PeekAsync(queue, named?.Min() ?? 0, cancellationToken).ConfigureAwait(false))
        {
            if (named is not null && numbers.Count == named.Count) break;
            if (read++ == MaxRead) return (numbers, true, reasons);
            if (named?.Contains(letter.SequenceNumber) == false || !filter.Matches(letter)) continue;
            if (numbers.Count == MaxMessages) return (numbers, true, reasons);
            numbers.Add(letter.SequenceNumber);
            var reason = letter.Reason ?? "";
            reasons[reason] = reasons.GetValueOrDefault(reason) + 1;
        }

        return (numbers, false, reasons);
    }

    private static bool TryNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static string? Text(string? value) => string.IsNullOrEmpty(value) ? null : value;

    private static JsonHttpResult<DeadLetterList> Page(IReadOnlyList<DeadLetterState> items, long? next) =>
        TypedResults.Json(new DeadLetterList(items, next), ApiJson.Responses.DeadLetterList);

    private static ProblemHttpResult Unavailable(QueueUnavailableException e) =>
        Problem.Of(StatusCodes.Status503ServiceUnavailable, "The dead-letter queue is unavailable.", e.Message);
}

/// <summary>Which dead letters are meant. An absent member matches every message.</summary>
/// <param name="Reason">Exact reason.</param>
/// <param name="Code">Exact resultCode.</param>
/// <param name="ContentId">Exact contentId.</param>
internal readonly record struct DeadLetterFilter(string? Reason, string? Code, string? ContentId)
{
    public bool Matches(DeadLetter letter) =>
        (Reason is null || letter.Reason == Reason) && (Code is null || letter.Code == Code) && (ContentId is null || letter.ContentId == ContentId);
}

/// <summary>Which dead letters to resubmit or to discard. An absent filter matches every message.</summary>
/// <param name="Queue">Whose dead-letter queue.</param>
/// <param name="SequenceNumbers">The messages' numbers.</param>
/// <param name="Reason">Why the message was dead-lettered.</param>
/// <param name="Code">The resultCode.</param>
/// <param name="ContentId">The item.</param>
/// <param name="All">Must be true if nothing else selects messages.</param>
/// <param name="DryRun">Only count the messages.</param>
public sealed record DeadLetterRequest(
    [property: EnumDataType(typeof(DeadLetterQueue))] string? Queue = null,
    [property: MaxLength(DeadLettersHandler.MaxMessages)] IReadOnlyList<long>? SequenceNumbers = null,
    string? Reason = null,
    string? Code = null,
    string? ContentId = null,
    bool All = false,
    bool DryRun = false)
{
    /// <summary>What is wrong, in one sentence; null if it is valid.</summary>
    internal string? Fault()
    {
        if (Queue is null || !DeadLettersHandler.TryQueue(Queue, out _))
            return $"queue is {(Queue is null ? "missing" : $"'{Queue}'")}; it must be one of {EnumText.All<DeadLetterQueue>()}.";
        if (SequenceNumbers is { Count: 0 or > DeadLettersHandler.MaxMessages })
            return $"sequenceNumbers has {SequenceNumbers.Count} entries; it must have from 1 to {DeadLettersHandler.MaxMessages}.";
        var selects = SequenceNumbers is not null || Reason is not null || Code is not null || ContentId is not null;
        return selects || All ? null : "Nothing selects messages: give sequenceNumbers, reason, code or contentId, or all: true.";
    }
}

/// <summary>What was selected and done.</summary>
/// <param name="DryRun">True if nothing was changed.</param>
/// <param name="Matched">Messages that were selected, up to 1,000.</param>
/// <param name="Done">
/// How many of them were removed from the dead-letter queue. Another caller holds the others, or too many messages lie before them: call again, or
/// select the earlier ones first.
/// </param>
/// <param name="More">True if more messages match.</param>
/// <param name="Reasons">Selected messages by reason.</param>
public sealed record DeadLetterResponse(bool DryRun, int Matched, int Done, bool More, IReadOnlyDictionary<string, int> Reasons);

/// <summary>A page of dead letters.</summary>
/// <param name="Items">In the order of their numbers.</param>
/// <param name="Next">from of the next page; absent at the end.</param>
public sealed record DeadLetterList(IReadOnlyList<DeadLetterState> Items, long? Next);

/// <summary>A dead-lettered message.</summary>
/// <param name="Queue">Whose dead-letter queue.</param>
/// <param name="SequenceNumber">Its number.</param>
/// <param name="MessageId">Its id.</param>
/// <param name="Reason">Why it was dead-lettered.</param>
/// <param name="Description">What is wrong with it.</param>
/// <param name="Advice">What to do.</param>
/// <param name="ContentId">The item, if known.</param>
/// <param name="ResultCode">AlipayHK's code, or the code of the first violation.</param>
/// <param name="TracerId">AlipayHK's id of the last attempt.</param>
/// <param name="FirstReceivedAt">When the queue received the original.</param>
/// <param name="DeliveryCount">How often it was delivered.</param>
/// <param name="SessionId">Its lane, on the resync queue.</param>
public sealed record DeadLetterState(
    [property: EnumDataType(typeof(DeadLetterQueue))] string Queue,
    long SequenceNumber,
    string MessageId,
    string? Reason,
    string? Description,
    string Advice,
    string? ContentId,
    string? ResultCode,
    string? TracerId,
    DateTimeOffset FirstReceivedAt,
    int DeliveryCount,
    string? SessionId)
{
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Media type of the body.</summary>
    public string? ContentType { get; init; }

    /// <summary>The sender's application properties; only of a single message.</summary>
    public IReadOnlyDictionary<string, string>? Properties { get; init; }

    /// <summary>The body as text; only of a single message, and only if it is UTF-8.</summary>
    public string? Body { get; init; }

    /// <summary>The body in base64 if it is not UTF-8; only of a single message.</summary>
    public string? BodyBase64 { get; init; }

    internal static DeadLetterState Of(DeadLetterQueue queue, DeadLetter letter) => new(
        EnumText.Of(queue),
        letter.SequenceNumber,
        letter.Message.MessageId,
        letter.Reason,
        letter.Description,
        letter.Advice,
        letter.ContentId,
        letter.Code,
        letter.TracerId,
        letter.FirstReceivedAt,
        letter.DeliveryCount,
        letter.SessionId);

    internal static DeadLetterState Whole(DeadLetterQueue queue, DeadLetter letter)
    {
        var bytes = letter.Message.Body ?? default;
        var text = TextOf(bytes.Span);
        return Of(queue, letter) with
        {
            ContentType = letter.Message.ContentType,
            Properties = letter.SenderProperties.ToDictionary(
                property => property.Key, property => Convert.ToString(property.Value, CultureInfo.InvariantCulture) ?? "", StringComparer.Ordinal),
            Body = text,
            BodyBase64 = text is null ? Convert.ToBase64String(bytes.Span) : null,
        };
    }

    private static string? TextOf(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Utf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
