using ContentSync.Catalog;
using ContentSync.Http.Board;
using ContentSync.Http.Pages;
using ContentSync.Http.Webhooks;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http;

/// <summary>Who may call a route.</summary>
public enum ApiAccess
{
    /// <summary>Anyone: it tells nothing and changes nothing, or the request proves itself, as a signed webhook does.</summary>
    Anyone,

    /// <summary>Whoever shows the key, where the host asks for one.</summary>
    Key,
}

/// <summary>One route of the API.</summary>
/// <param name="Name">Also the operation's id in the API description.</param>
/// <param name="Method">HTTP method.</param>
/// <param name="Path">Route template.</param>
/// <param name="Access">Who may call it.</param>
/// <param name="Handler">The type that answers.</param>
/// <param name="HandleAsync">Takes the handler from the services and lets it answer.</param>
public sealed record ApiRoute(string Name, string Method, string Path, ApiAccess Access, Type Handler, Func<IServiceProvider, HttpRequest, CancellationToken, Task<IResult>> HandleAsync);

/// <summary>Every route of the API, for hosts to map and for the API description to be held against.</summary>
public static class ApiRoutes
{
    /// <summary>Where the board is.</summary>
    public const string Board = "/api/board";

    /// <summary>Name of the parameter of a route that names a content.</summary>
    private const string ContentId = "contentId";

    /// <summary>Name of the parameter of a route that names a run.</summary>
    private const string RunId = "runId";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ApiRoute> All { get; } =
    [
        Route<SubmitContentHandler>("SubmitContent", HttpMethods.Post, "/api/content", ApiAccess.Key, (handler, request, cancellation) => handler.HandleAsync(request, cancellation)),
        Route<ListContentHandler>("ListContent", HttpMethods.Get, "/api/content", ApiAccess.Key, (handler, request, cancellation) => handler.HandleAsync(request, cancellation)),
        Route<SubmitContentBatchHandler>("SubmitContentBatch", HttpMethods.Post, "/api/content/batch", ApiAccess.Key, (handler, request, cancellation) => handler.HandleAsync(request, cancellation)),
        Route<PreviewContentHandler>("PreviewContent", HttpMethods.Post, "/api/content/preview", ApiAccess.Key, (handler, request, cancellation) => handler.HandleAsync(request, cancellation)),
        Route<ReplayFilteredHandler>("ReplayFiltered", HttpMethods.Post, "/api/content/replay", ApiAccess.Key, (handler, request, cancellation) => handler.HandleAsync(request, cancellation)),
        Route<GetContentHandler>("GetContent", HttpMethods.Get, "/api/content/{contentId}", ApiAccess.Key, (handler, request, cancellation) => handler.HandleAsync(IdOf(request), cancellation)),
        Route<ReplayContentHandler>("ReplayContent", HttpMethods.Post, "/api/content/{contentId}/replay", ApiAccess.Key, (handler, request, cancellation) => handler.HandleAsync(request, IdOf(request), cancellation)),
        Route<StartResyncHandler>("StartResync", HttpMethods.Post, "/api/resyncs", ApiAccess.Key, (handler, request, cancellation) => handler.HandleAsync(request, cancellation)),
        Route<ListResyncsHandler>("ListResyncs", HttpMethods.Get, "/api/resyncs", ApiAccess.Key, (handler, _, cancellation) => handler.HandleAsync(cancellation)),
        Route<GetResyncHandler>("GetResync", HttpMethods.Get, "/api/resyncs/{runId}", ApiAccess.Key, (handler, request, cancellation) => handler.HandleAsync((string)request.RouteValues[RunId]!, cancellation)),
        Route<CancelResyncHandler>("CancelResync", HttpMethods.Post, "/api/resyncs/{runId}/cancel", ApiAccess.Key, (handler, request, cancellation) => handler.HandleAsync((string)request.RouteValues[RunId]!, cancellation)),
        Route<ReceiveWebhookHandler>("ReceiveWebhook", HttpMethods.Post, "/api/webhooks/content", ApiAccess.Anyone, (handler, request, cancellation) => handler.HandleAsync(request, cancellation)),
        Route<WebhookHandshakeHandler>("WebhookHandshake", HttpMethods.Options, "/api/webhooks/content", ApiAccess.Anyone, (handler, request, cancellation) => handler.HandleAsync(request, cancellation)),
        Route<CheckHealthHandler>("CheckHealth", HttpMethods.Get, "/api/health", ApiAccess.Anyone, (handler, _, cancellation) => handler.HandleAsync(cancellation)),
        Route<BoardStateHandler>("GetBoardState", HttpMethods.Get, "/api/board/state", ApiAccess.Key, (handler, _, cancellation) => handler.HandleAsync(cancellation)),
        Route<PageFilesHandler>("GetBoard", HttpMethods.Get, Board, ApiAccess.Anyone, (handler, request, cancellation) => handler.HandleAsync(request, "board.html", cancellation)),
        Route<PageFilesHandler>("GetPageFile", HttpMethods.Get, "/api/board/files/{file}", ApiAccess.Anyone, (handler, request, cancellation) => handler.HandleAsync(request, (string)request.RouteValues["file"]!, cancellation)),
        Route<PageFilesHandler>("GetApiDescription", HttpMethods.Get, "/api/openapi.json", ApiAccess.Anyone, (handler, request, cancellation) => handler.HandleAsync(request, "openapi.json", cancellation)),
        Route<PageFilesHandler>("GetApiPage", HttpMethods.Get, "/api/reference", ApiAccess.Anyone, (handler, request, cancellation) => handler.HandleAsync(request, "reference.html", cancellation)),
    ];

    /// <summary>
    /// Registers the handlers as singletons. The host brings the ledger, queue, synchronizer, gate, readers, resyncs and their sources,
    /// options and clock they ask for.
    /// </summary>
    public static IServiceCollection AddApiHandlers(this IServiceCollection services)
    {
        foreach (var handler in All.Select(route => route.Handler).Distinct()) services.AddSingleton(handler);
        return services
            .AddSingleton<CatalogReader>()
            .AddSingleton<LedgerFiguresReader>()
            .AddSingleton<ReplayOptions>()
            .AddSingleton<ParkedReplay>()
            .AddSingleton<FilteredReplay>()
            .AddSingleton<ContinuationTokens>()
            .AddSingleton<WebhookVerifier>()
            .AddSingleton<WebhookIdCache>()
            .AddSingleton<WebhookEventReader>();
    }

    private static ApiRoute Route<THandler>(string name, string method, string path, ApiAccess access, Func<THandler, HttpRequest, CancellationToken, Task<IResult>> answer)
        where THandler : notnull =>
        new(name, method, path, access, typeof(THandler), (services, request, cancellation) => answer(services.GetRequiredService<THandler>(), request, cancellation));

    // A server leaves %2F escaped in a path, and only that.
    private static string IdOf(HttpRequest request) => ((string)request.RouteValues[ContentId]!).Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}
