using ContentSync.Http.Board;
using ContentSync.Http.Description;
using ContentSync.Http.Pages;
using ContentSync.Http.Webhooks;
using ContentSync.Synchronization.Messages;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using static ContentSync.Http.Description.ResponseDescriptions;

namespace ContentSync.Http;

/// <summary>Who may call a route.</summary>
public enum ApiAccess
{
    /// <summary>No key: the route discloses nothing and changes nothing, or the request authenticates itself, as a signed webhook does.</summary>
    Anyone,

    /// <summary>Callers with the API key, if the host requires one.</summary>
    Key,
}

/// <summary>One route of the API.</summary>
/// <param name="Name">Also the operationId in the API description.</param>
/// <param name="Method">HTTP method.</param>
/// <param name="Path">Route template.</param>
/// <param name="Access">Who may call it.</param>
/// <param name="Description">What the API description says about it; null for pages, which are for browsers and are not described.</param>
/// <param name="Handler">The handler's type, registered as a service.</param>
/// <param name="HandleAsync">Resolves the handler and runs it.</param>
public sealed record ApiRoute(
    string Name,
    string Method,
    string Path,
    ApiAccess Access,
    OperationDescription? Description,
    Type Handler,
    Func<IServiceProvider, HttpRequest, CancellationToken, Task<IResult>> HandleAsync)
{
    /// <summary>The methods to map: HEAD works wherever GET does (RFC 9110, section 9.3.2).</summary>
    public IReadOnlyList<string> Methods => Method == HttpMethods.Get ? [Method, HttpMethods.Head] : [Method];

    /// <summary>
    /// Handles a request like <see cref="HandleAsync"/>. A body that never arrives or that is broken gives a 408 or 400 instead of an exception,
    /// and a 401 carries a challenge.
    /// </summary>
    public async Task<IResult> RespondAsync(IServiceProvider services, HttpRequest request, CancellationToken cancellationToken)
    {
        IResult result;
        try
        {
            result = await HandleAsync(services, request, cancellationToken).ConfigureAwait(false);
        }
        catch (BadHttpRequestException e)
        {
            result = Problem.Unreadable(e);
        }

        if (result is IStatusCodeHttpResult { StatusCode: StatusCodes.Status401Unauthorized })
            request.HttpContext.Response.Headers.WWWAuthenticate = "Signature, Bearer";
        return result;
    }
}

/// <summary>Every route of the API. Hosts map them, and the API description is generated from them.</summary>
public static class ApiRoutes
{
    /// <summary>Path of the board.</summary>
    public const string Board = "/api/board";

    private const string RunId = "runId";
    private const string PageFile = "file";

    private const string ItemExample =
        """{"contentId":"SKU-DEMO-1","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"港式奶茶"}}""";

    private const string EventExample =
        """{"specversion":"1.0","id":"1","source":"/shop","type":"content.changed","time":"2026-03-01T11:00:00Z","data":"""
        + ItemExample
        + "}";

    private const string ExportExample =
        "{\"format\":\"contentsync-ledger\",\"version\":1,\"exportedAt\":\"2026-03-01T00:00:00Z\"}\n{\"end\":true,\"records\":0}\n";

    private static readonly ParameterDescription ContentIdParameter =
        ParameterDescription.Path(
            ItemAddress.Parameter,
            "The item's contentId, case-sensitive: letters, digits, - _ . and ~. Put any other id in the query of /api/content.");

    private static readonly ParameterDescription ContentIdInQuery =
        ParameterDescription.Query(ItemAddress.Parameter, "The item's contentId, case-sensitive: any id, also one that must not be in a path.");

    private static readonly ParameterDescription RunIdParameter = ParameterDescription.Path(RunId, "The run's id, as in Location.");

    /// <summary>All routes. Literal paths come before templates that match them too.</summary>
    public static IReadOnlyList<ApiRoute> All { get; } =
    [
        Route<SubmitContentHandler>(
            "SubmitContent",
            HttpMethods.Post,
            "/api/content",
            ApiAccess.Key,
            new OperationDescription(
                "Submit one item",
                "The item is stored in the ledger before the response is sent. It is sent to AlipayHK immediately, or enqueued with the header "
                + "Prefer: respond-async.")
            {
                Parameters = [ParameterDescription.Header("Prefer", "respond-async: respond as soon as the item is accepted.")],
                Bodies = [BodyDescription.Json<ContentItemBody>(ItemExample)],
                Responses =
                [
                    Json<ContentState>(StatusCodes.Status200OK, "Synchronized or unchanged."),
                    Json<ContentState>(StatusCodes.Status202Accepted, "Accepted. Location is the URL of the item's state."),
                    .. InvalidBody,
                    Conflict,
                    Json<ProblemBody>(StatusCodes.Status422UnprocessableEntity, "AlipayHK rejected the item, or it is parked."),
                    Unavailable,
                ],
            },
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<ListContentHandler>(
            "ListContent",
            HttpMethods.Get,
            "/api/content",
            ApiAccess.Key,
            new OperationDescription(
                "List items, or get one by contentId in the query", "One page at a time, ordered by contentId; with contentId, that item alone.")
            {
                Parameters = ListContentHandler.Parameters,
                Responses =
                [
                    Json<ContentPage>(StatusCodes.Status200OK, "A page of items; with contentId, that item.") with
                    {
                        Alternative = typeof(ContentState),
                    },
                    BadRequest,
                    NotFound,
                    Unavailable,
                ],
            },
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<SubmitContentBatchHandler>(
            "SubmitContentBatch",
            HttpMethods.Post,
            "/api/content/batch",
            ApiAccess.Key,
            new OperationDescription(
                "Submit many items",
                $"A JSON array, or one item per line (NDJSON): at most {SubmitContentBatchHandler.MaxItems:N0} items and "
                + $"{SubmitContentBatchHandler.MaxBodyBytes >> 20} MiB. Each item is accepted and enqueued, or rejected, on its own. "
                + "Sending a batch again is safe.")
            {
                Parameters = [MapParameter.Description],
                Bodies =
                [
                    BodyDescription.Json<ContentItemBody[]>($"[{ItemExample}]"),
                    new BodyDescription("application/x-ndjson", typeof(string), ItemExample + "\n"),
                ],
                Responses =
                [
                    Json<BatchResult>(StatusCodes.Status200OK, "Read to the end; no item is to be sent to AlipayHK."),
                    Json<BatchResult>(StatusCodes.Status202Accepted, "Read to the end; items are to be sent."),
                    Json<BatchProblemBody>(
                        StatusCodes.Status400BadRequest,
                        "The body cannot be read to the end. items holds the outcomes of the items before the fault."),
                    Json<BatchProblemBody>(
                        StatusCodes.Status413PayloadTooLarge, "Too large. items holds the outcomes of the items before the limit."),
                    Json<BatchProblemBody>(StatusCodes.Status415UnsupportedMediaType, "Neither JSON nor NDJSON in UTF-8, or compressed."),
                    Json<BatchProblemBody>(
                        StatusCodes.Status503ServiceUnavailable, "The ledger is unavailable. items shows which items were not accepted."),
                ],
            },
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<PreviewContentHandler>(
            "PreviewContent",
            HttpMethods.Post,
            "/api/content/preview",
            ApiAccess.Key,
            new OperationDescription(
                "Preview one item",
                "Validates the item and shows the exact body, headers, string to sign, and what the ledger would decide. Sends, signs and "
                + "stores nothing.")
            {
                Bodies = [BodyDescription.Json<ContentItemBody>(ItemExample)],
                Responses = [Json<ContentPreview>(StatusCodes.Status200OK, "The preview."), .. InvalidBody, Unavailable],
            },
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<ReplayFilteredHandler>(
            "ReplayFiltered",
            HttpMethods.Post,
            "/api/content/replay",
            ApiAccess.Key,
            new OperationDescription(
                "Replay parked items, or one by contentId in the query",
                "Sends the parked items that match the filter again, unchanged, at ten per second. With dryRun, only counts them. With "
                + "contentId, which needs no body, sends that item.")
            {
                Parameters = [ContentIdInQuery],
                IsBodyRequired = false,
                Bodies = [BodyDescription.Json<ReplayRequest>("""{"code":"CONTENT_RISKY","dryRun":true}""")],
                Responses =
                [
                    Json<ReplayResponse>(StatusCodes.Status200OK, "Dry run."),
                    Json<ReplayResponse>(StatusCodes.Status202Accepted, "Replayed; with contentId, the item is pending again.") with
                    {
                        Alternative = typeof(ContentState),
                    },
                    .. InvalidBody,
                    NotFound,
                    Conflict,
                    Unavailable,
                ],
            },
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<GetContentHandler>(
            "GetContent",
            HttpMethods.Get,
            "/api/content/{contentId}",
            ApiAccess.Key,
            new OperationDescription("Get one item", "The item's state with its history of attempts.")
            {
                Parameters = [ContentIdParameter],
                Responses = [Json<ContentState>(StatusCodes.Status200OK, "The item."), BadRequest, NotFound, Unavailable],
            },
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<DelistContentHandler>(
            "DelistContent",
            HttpMethods.Delete,
            "/api/content/{contentId}",
            ApiAccess.Key,
            Delisting("Delist one item", ContentIdParameter),
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<DelistContentHandler>(
            "DelistContentByQuery",
            HttpMethods.Delete,
            "/api/content",
            ApiAccess.Key,
            Delisting("Delist one item, by contentId in the query", ContentIdInQuery with { IsRequired = true }),
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<ReplayContentHandler>(
            "ReplayContent",
            HttpMethods.Post,
            "/api/content/{contentId}/replay",
            ApiAccess.Key,
            new OperationDescription("Replay one parked item", "Sends the item again, unchanged.")
            {
                Parameters = [ContentIdParameter],
                Responses = [Json<ContentState>(StatusCodes.Status202Accepted, "Pending again."), BadRequest, NotFound, Conflict, Unavailable],
            },
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<LedgerSizeHandler>(
            "GetLedgerSize",
            HttpMethods.Get,
            "/api/ledger",
            ApiAccess.Key,
            new OperationDescription("Show the size of the ledger", "How many records it holds, and for how long it keeps what.")
            {
                Responses = [Json<LedgerSize>(StatusCodes.Status200OK, "The size and the retention."), Unavailable],
            },
            (handler, _, cancellationToken) => handler.HandleAsync(cancellationToken)),
        Route<LedgerTransferHandler>(
            "ExportLedger",
            HttpMethods.Get,
            "/api/ledger/export",
            ApiAccess.Key,
            new OperationDescription(
                "Export the ledger",
                "Every record with its history as NDJSON: a header, a line for each record, and the line {\"end\":true, ...}. A response without "
                + "that line was cut off.")
            {
                Responses =
                [
                    Json<string>(StatusCodes.Status200OK, "The lines.") with { MediaType = LedgerTransferHandler.MediaType }, Unavailable,
                ],
            },
            (handler, _, cancellationToken) => handler.ExportAsync(cancellationToken)),
        Route<LedgerTransferHandler>(
            "ImportLedger",
            HttpMethods.Post,
            "/api/ledger/import",
            ApiAccess.Key,
            new OperationDescription(
                "Import records",
                $"Takes lines of an export: all of them, or some without header and end, at most {LedgerTransferHandler.MaxBodyBytes >> 20} MiB. "
                + "Items that were pending or synchronized are pending again and are sent. Records that the ledger holds in the same or a newer "
                + "version are kept, so sending lines again is safe.")
            {
                Bodies = [new BodyDescription(LedgerTransferHandler.MediaType, typeof(string), ExportExample)],
                Responses = [Json<ImportResult>(StatusCodes.Status200OK, "Imported."), .. InvalidBody, Unavailable],
            },
            (handler, request, cancellationToken) => handler.ImportAsync(request, cancellationToken)),
        Route<StartResyncHandler>(
            "StartResync",
            HttpMethods.Post,
            "/api/resyncs",
            ApiAccess.Key,
            new OperationDescription(
                "Start a resync",
                "Brings AlipayHK in sync with the configured catalog, including delistings, or sends items of the ledger again. Each "
                + "source has at most one run at a time. A run that would delist too many items sends nothing unless allowDelist permits it.")
            {
                Bodies = [BodyDescription.Json<ResyncRequest>("""{"source":"catalog","dryRun":true}""")],
                Responses =
                [
                    Json<ResyncState>(StatusCodes.Status202Accepted, "Started. Location is the URL of the run."),
                    .. InvalidBody,
                    Json<ProblemBody>(
                        StatusCodes.Status409Conflict, "A run of this source is in progress. Location and instance identify it."),
                    Unavailable,
                ],
            },
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<ListResyncsHandler>(
            "ListResyncs",
            HttpMethods.Get,
            "/api/resyncs",
            ApiAccess.Key,
            new OperationDescription("List resyncs", "The recent runs of all sources, newest first.")
            {
                Responses = [Json<ResyncList>(StatusCodes.Status200OK, "The runs."), Unavailable],
            },
            (handler, _, cancellationToken) => handler.HandleAsync(cancellationToken)),
        Route<GetResyncHandler>(
            "GetResync",
            HttpMethods.Get,
            "/api/resyncs/{runId}",
            ApiAccess.Key,
            new OperationDescription("Get one resync", "The state of one run.")
            {
                Parameters = [RunIdParameter],
                Responses = [Json<ResyncState>(StatusCodes.Status200OK, "The run."), NoSuchRun, Unavailable],
            },
            (handler, request, cancellationToken) => handler.HandleAsync(RouteValue(request, RunId), cancellationToken)),
        Route<CancelResyncHandler>(
            "CancelResync",
            HttpMethods.Post,
            "/api/resyncs/{runId}/cancel",
            ApiAccess.Key,
            new OperationDescription(
                "Cancel a resync",
                "Cancels the run permanently. Items that it has already accepted into the ledger are still delivered.")
            {
                Parameters = [RunIdParameter],
                Responses =
                [
                    Json<ResyncState>(StatusCodes.Status200OK, "Cancelled."),
                    NoSuchRun,
                    Json<ProblemBody>(StatusCodes.Status409Conflict, "The run has already ended."),
                    Unavailable,
                ],
            },
            (handler, request, cancellationToken) => handler.HandleAsync(RouteValue(request, RunId), cancellationToken)),
        Route<SendingHandler>(
            "GetSending",
            HttpMethods.Get,
            "/api/sending",
            ApiAccess.Key,
            new OperationDescription("Show sending", "The rate of all instances together, and the pauses in force.")
            {
                Responses = [Json<SendingState>(StatusCodes.Status200OK, "The rate and the pauses.")],
            },
            (handler, _, cancellationToken) => handler.GetAsync(cancellationToken)),
        Route<SendingHandler>(
            "PauseSending",
            HttpMethods.Post,
            "/api/sending/pause",
            ApiAccess.Key,
            new OperationDescription(
                "Pause sending",
                "Pauses all sending, or one content type. Accepted items wait, spend no attempts and get no older. Every instance follows "
                + "within ten seconds.")
            {
                Bodies = [BodyDescription.Json<PauseRequest>("""{"contentType":"SKU","reason":"wrong prices","by":"Mei"}""")],
                Responses = [Json<SendingState>(StatusCodes.Status200OK, "Paused."), .. InvalidBody, Unavailable],
            },
            (handler, request, cancellationToken) => handler.PauseAsync(request, cancellationToken)),
        Route<SendingHandler>(
            "ResumeSending",
            HttpMethods.Post,
            "/api/sending/resume",
            ApiAccess.Key,
            new OperationDescription(
                "Resume sending", "Ends the pause of all sending, or that of one content type. The sweep enqueues the items that waited.")
            {
                Bodies = [BodyDescription.Json<ResumeRequest>("""{"contentType":"SKU"}""")],
                Responses = [Json<SendingState>(StatusCodes.Status200OK, "Not paused."), .. InvalidBody, Unavailable],
            },
            (handler, request, cancellationToken) => handler.ResumeAsync(request, cancellationToken)),
        Route<SendingHandler>(
            "SetSendRate",
            HttpMethods.Post,
            "/api/sending/rate",
            ApiAccess.Key,
            new OperationDescription(
                "Set the rate", "Sets the rate of all instances together, at most the configured one; without perSecond, the configured one.")
            {
                Bodies = [BodyDescription.Json<SendRateRequest>("""{"perSecond":50}""")],
                Responses = [Json<SendingState>(StatusCodes.Status200OK, "Set."), .. InvalidBody, Unavailable],
            },
            (handler, request, cancellationToken) => handler.SetRateAsync(request, cancellationToken)),
        Route<NotificationsHandler>(
            "GetNotifications",
            HttpMethods.Get,
            "/api/notifications",
            ApiAccess.Key,
            new OperationDescription(
                "Show the receivers of notifications",
                "How delivery to each receiver goes, in the instance that responds and since its start.")
            {
                Responses = [Json<NotificationsState>(StatusCodes.Status200OK, "The receivers.")],
            },
            (handler, _, _) => handler.HandleAsync()),
        Route<DeadLettersHandler>(
            "ListDeadLetters",
            HttpMethods.Get,
            DeadLettersHandler.Path,
            ApiAccess.Key,
            new OperationDescription(
                "List dead letters",
                "Messages in the dead-letter queue of a queue, in the order of their numbers. They are neither locked nor removed.")
            {
                Parameters = DeadLettersHandler.Parameters,
                Responses = [Json<DeadLetterList>(StatusCodes.Status200OK, "A page of messages."), BadRequest, NoDeadLetters, Unavailable],
            },
            (handler, request, cancellationToken) => handler.ListAsync(request, cancellationToken)),
        Route<DeadLettersHandler>(
            "GetDeadLetter",
            HttpMethods.Get,
            "/api/dead-letters/{queue}/{sequenceNumber}",
            ApiAccess.Key,
            new OperationDescription("Get one dead letter", "The message with its properties and its body.")
            {
                Parameters =
                [
                    ParameterDescription.Path(DeadLettersHandler.Queue, "Whose dead-letter queue.") with { Type = typeof(DeadLetterQueue) },
                    ParameterDescription.Path(DeadLettersHandler.SequenceNumber, "The message's number.") with { Type = typeof(long) },
                ],
                Responses = [Json<DeadLetterState>(StatusCodes.Status200OK, "The message."), BadRequest, NoDeadLetters, Unavailable],
            },
            (handler, request, cancellationToken) => handler.GetAsync(
                RouteValue(request, DeadLettersHandler.Queue), RouteValue(request, DeadLettersHandler.SequenceNumber), cancellationToken)),
        Route<DeadLettersHandler>(
            "ResubmitDeadLetters",
            HttpMethods.Post,
            DeadLettersHandler.Path + "/resubmit",
            ApiAccess.Key,
            new OperationDescription(
                "Resubmit dead letters",
                "Sends the messages that the request selects to their queue again, and then removes them, at most "
                + $"{DeadLettersHandler.MaxMessages:N0} per call. They keep body, session, first received time and the sender's properties. A crash "
                + "in between may send one twice; none is lost.")
            {
                Bodies = [BodyDescription.Json<DeadLetterRequest>("""{"queue":"content","reason":"InvalidMessage","dryRun":true}""")],
                Responses =
                [
                    Json<DeadLetterResponse>(StatusCodes.Status200OK, "Resubmitted, or counted."), .. InvalidBody, NoDeadLetters, Unavailable,
                ],
            },
            (handler, request, cancellationToken) => handler.SettleAsync(request, DeadLetterAction.Resubmit, cancellationToken)),
        Route<DeadLettersHandler>(
            "DiscardDeadLetters",
            HttpMethods.Post,
            DeadLettersHandler.Path + "/discard",
            ApiAccess.Key,
            new OperationDescription(
                "Discard dead letters",
                $"Removes the messages that the request selects, at most {DeadLettersHandler.MaxMessages:N0} per call. They are gone; an item that "
                + "the ledger holds stays there.")
            {
                Bodies = [BodyDescription.Json<DeadLetterRequest>("""{"queue":"content","reason":"Rejected","dryRun":true}""")],
                Responses =
                [
                    Json<DeadLetterResponse>(StatusCodes.Status200OK, "Discarded, or counted."), .. InvalidBody, NoDeadLetters, Unavailable,
                ],
            },
            (handler, request, cancellationToken) => handler.SettleAsync(request, DeadLetterAction.Discard, cancellationToken)),
        Route<ReceiveWebhookHandler>(
            "ReceiveWebhook",
            HttpMethods.Post,
            "/api/webhooks/content",
            ApiAccess.Anyone,
            new OperationDescription(
                "Receive a signed webhook",
                "CloudEvents 1.0 (structured, binary or batched), each with one item as its data, signed according to Standard Webhooks: "
                + "HMAC-SHA256 over webhook-id.webhook-timestamp.body (or svix- headers), or with a token of Event Grid. Shopify and "
                + "WooCommerce sign the body: one item, or with map their own product event. An event's time is the revision of an item without "
                + "one.")
            {
                Parameters = [.. WebhookVerifier.Parameters, MapParameter.Description],
                Bodies =
                [
                    new BodyDescription("application/cloudevents+json", typeof(CloudEventBody), EventExample),
                    new BodyDescription("application/cloudevents-batch+json", typeof(CloudEventBody[]), $"[{EventExample}]"),
                    BodyDescription.Json<ContentItemBody>(ItemExample),
                ],
                Responses =
                [
                    Json<BatchResult>(StatusCodes.Status200OK, "No item is to be sent to AlipayHK, or the message was already accepted."),
                    Json<BatchResult>(StatusCodes.Status202Accepted, "Items are to be sent."),
                    .. InvalidBody,
                    Json<ProblemBody>(
                        StatusCodes.Status401Unauthorized, "Not signed with a configured secret, or the timestamp is outside the tolerance."),
                    NoSecret,
                    Unavailable,
                ],
            },
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<WebhookHandshakeHandler>(
            "WebhookHandshake",
            HttpMethods.Options,
            "/api/webhooks/content",
            ApiAccess.Anyone,
            new OperationDescription(
                "Register as a sender",
                "The abuse protection of CloudEvents' web hooks. The headers WebHook-Allowed-Origin and WebHook-Allowed-Rate grant "
                + "permission. Callback URLs are never called.")
            {
                Parameters = WebhookHandshakeHandler.Parameters,
                Responses = [new ResponseDescription(StatusCodes.Status200OK, "Permission is granted if the headers are present.", null), NoSecret],
            },
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<CheckHealthHandler>(
            "CheckHealth",
            HttpMethods.Get,
            "/api/health",
            ApiAccess.Anyone,
            new OperationDescription("Check health", "Healthy while items can be accepted. An open circuit breaker is reported but is not unhealthy.")
            {
                Responses = [Json<HealthState>(StatusCodes.Status200OK, "Items can be accepted."), Unavailable],
            },
            (handler, _, cancellationToken) => handler.HandleAsync(cancellationToken)),
        Route<BoardStateHandler>(
            "GetBoardState",
            HttpMethods.Get,
            "/api/board/state",
            ApiAccess.Key,
            new OperationDescription(
                "Get the board's figures",
                "Counts, the open circuit breaker if any, and the latest failures with advice for each.")
            {
                Responses = [Json<BoardState>(StatusCodes.Status200OK, "The figures."), Unavailable],
            },
            (handler, _, cancellationToken) => handler.HandleAsync(cancellationToken)),
        Route<TrendsHandler>(
            "GetTrends",
            HttpMethods.Get,
            "/api/trends",
            ApiAccess.Key,
            new OperationDescription(
                "Get trends",
                "What all instances together did in the last hour, by the minute, or in the last day, by 15 minutes: results by code, requests "
                + "and their budget, latency, backlog. An instance that dies loses the minute in which it does.")
            {
                Parameters = TrendsHandler.Parameters,
                Responses = [Json<TrendsState>(StatusCodes.Status200OK, "The figures."), BadRequest, Unavailable],
            },
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<PageFilesHandler>(
            "GetBoard",
            HttpMethods.Get,
            Board,
            ApiAccess.Anyone,
            null,
            (handler, request, cancellationToken) => handler.HandleAsync(request, "board.html", cancellationToken)),
        Route<PageFilesHandler>(
            "GetPageFile",
            HttpMethods.Get,
            "/api/board/files/{file}",
            ApiAccess.Anyone,
            null,
            (handler, request, cancellationToken) => handler.HandleAsync(request, RouteValue(request, PageFile), cancellationToken)),
        Route<PageFilesHandler>(
            "GetApiDescription",
            HttpMethods.Get,
            "/api/openapi.json",
            ApiAccess.Anyone,
            null,
            (handler, request, cancellationToken) => handler.HandleAsync(request, "openapi.json", cancellationToken)),
        Route<PageFilesHandler>(
            "GetApiPage",
            HttpMethods.Get,
            "/api/reference",
            ApiAccess.Anyone,
            null,
            (handler, request, cancellationToken) => handler.HandleAsync(request, "reference.html", cancellationToken)),
    ];

    /// <summary>Registers the handlers and what only they use as singletons; <see cref="ContentSyncServices"/> registers the rest.</summary>
    internal static IServiceCollection AddApiHandlers(this IServiceCollection services)
    {
        foreach (var handler in All.Select(route => route.Handler).Distinct()) services.TryAddSingleton(handler);
        services.TryAddSingleton<LedgerFiguresReader>();
        services.TryAddSingleton<FilteredReplay>();
        services.TryAddSingleton<ContinuationTokens>();
        services.TryAddSingleton<WebhookVerifier>();
        services.TryAddSingleton<IEntraKeys, EntraKeys>();
        services.TryAddSingleton<EventGridTokens>();
        services.TryAddSingleton<WebhookAuthenticator>();
        services.TryAddSingleton<WebhookIdCache>();
        services.TryAddSingleton<WebhookEventReader>();
        return services;
    }

    private static ApiRoute Route<THandler>(
        string name,
        string method,
        string path,
        ApiAccess access,
        OperationDescription? description,
        Func<THandler, HttpRequest, CancellationToken, Task<IResult>> handle)
        where THandler : notnull =>
        new(
            name,
            method,
            path,
            access,
            description,
            typeof(THandler),
            (services, request, cancellationToken) => handle(services.GetRequiredService<THandler>(), request, cancellationToken));

    private static OperationDescription Delisting(string summary, ParameterDescription contentId) => new(
        summary,
        "Sends contentStatus 0 with the contentInfo that was accepted last. An id of which nothing was accepted is recorded as a tombstone: "
        + "nothing is sent, and older changes are superseded.")
    {
        Parameters =
        [
            contentId,
            ParameterDescription.Query("revision", "Orders the delisting like an item's revision. Not together with occurredAt.") with
            {
                Type = typeof(long),
            },
            ParameterDescription.Query("occurredAt", "Alternative to revision: a time with a zone.") with { Type = typeof(DateTimeOffset) },
        ],
        Responses =
        [
            Json<ContentState>(
                StatusCodes.Status202Accepted, "Accepted: pending, already delisted, or a tombstone. Location is the URL of the item's state."),
            BadRequest,
            Conflict,
            Json<ProblemBody>(StatusCodes.Status422UnprocessableEntity, "The delisted item is parked."),
            Unavailable,
        ],
    };

    private static string RouteValue(HttpRequest request, string name) => (string)request.RouteValues[name]!;
}
