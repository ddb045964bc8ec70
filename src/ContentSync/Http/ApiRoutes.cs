using ContentSync.Http.Board;
using ContentSync.Http.Pages;
using ContentSync.Http.Webhooks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

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
/// <param name="Handler">The handler's type, registered as a service.</param>
/// <param name="HandleAsync">Resolves the handler and runs it.</param>
public sealed record ApiRoute(
    string Name,
    string Method,
    string Path,
    ApiAccess Access,
    Type Handler,
    Func<IServiceProvider, HttpRequest, CancellationToken, Task<IResult>> HandleAsync);

/// <summary>Every route of the API. Hosts map them; tests compare them with the API description.</summary>
public static class ApiRoutes
{
    /// <summary>Path of the board.</summary>
    public const string Board = "/api/board";

    private const string RunId = "runId";
    private const string PageFile = "file";

    /// <summary>All routes. Literal paths come before templates that match them too.</summary>
    public static IReadOnlyList<ApiRoute> All { get; } =
    [
        Route<SubmitContentHandler>(
            "SubmitContent",
            HttpMethods.Post,
            "/api/content",
            ApiAccess.Key,
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<ListContentHandler>(
            "ListContent",
            HttpMethods.Get,
            "/api/content",
            ApiAccess.Key,
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<SubmitContentBatchHandler>(
            "SubmitContentBatch",
            HttpMethods.Post,
            "/api/content/batch",
            ApiAccess.Key,
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<PreviewContentHandler>(
            "PreviewContent",
            HttpMethods.Post,
            "/api/content/preview",
            ApiAccess.Key,
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<ReplayFilteredHandler>(
            "ReplayFiltered",
            HttpMethods.Post,
            "/api/content/replay",
            ApiAccess.Key,
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<GetContentHandler>(
            "GetContent",
            HttpMethods.Get,
            "/api/content/{contentId}",
            ApiAccess.Key,
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<DelistContentHandler>(
            "DelistContent",
            HttpMethods.Delete,
            "/api/content/{contentId}",
            ApiAccess.Key,
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<DelistContentHandler>(
            "DelistContentByQuery",
            HttpMethods.Delete,
            "/api/content",
            ApiAccess.Key,
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<ReplayContentHandler>(
            "ReplayContent",
            HttpMethods.Post,
            "/api/content/{contentId}/replay",
            ApiAccess.Key,
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<StartResyncHandler>(
            "StartResync",
            HttpMethods.Post,
            "/api/resyncs",
            ApiAccess.Key,
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<ListResyncsHandler>(
            "ListResyncs",
            HttpMethods.Get,
            "/api/resyncs",
            ApiAccess.Key,
            (handler, _, cancellationToken) => handler.HandleAsync(cancellationToken)),
        Route<GetResyncHandler>(
            "GetResync",
            HttpMethods.Get,
            "/api/resyncs/{runId}",
            ApiAccess.Key,
            (handler, request, cancellationToken) => handler.HandleAsync(RouteValue(request, RunId), cancellationToken)),
        Route<CancelResyncHandler>(
            "CancelResync",
            HttpMethods.Post,
            "/api/resyncs/{runId}/cancel",
            ApiAccess.Key,
            (handler, request, cancellationToken) => handler.HandleAsync(RouteValue(request, RunId), cancellationToken)),
        Route<ReceiveWebhookHandler>(
            "ReceiveWebhook",
            HttpMethods.Post,
            "/api/webhooks/content",
            ApiAccess.Anyone,
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<WebhookHandshakeHandler>(
            "WebhookHandshake",
            HttpMethods.Options,
            "/api/webhooks/content",
            ApiAccess.Anyone,
            (handler, request, cancellationToken) => handler.HandleAsync(request, cancellationToken)),
        Route<CheckHealthHandler>(
            "CheckHealth",
            HttpMethods.Get,
            "/api/health",
            ApiAccess.Anyone,
            (handler, _, cancellationToken) => handler.HandleAsync(cancellationToken)),
        Route<BoardStateHandler>(
            "GetBoardState",
            HttpMethods.Get,
            "/api/board/state",
            ApiAccess.Key,
            (handler, _, cancellationToken) => handler.HandleAsync(cancellationToken)),
        Route<PageFilesHandler>(
            "GetBoard",
            HttpMethods.Get,
            Board,
            ApiAccess.Anyone,
            (handler, request, cancellationToken) => handler.HandleAsync(request, "board.html", cancellationToken)),
        Route<PageFilesHandler>(
            "GetPageFile",
            HttpMethods.Get,
            "/api/board/files/{file}",
            ApiAccess.Anyone,
            (handler, request, cancellationToken) => handler.HandleAsync(request, RouteValue(request, PageFile), cancellationToken)),
        Route<PageFilesHandler>(
            "GetApiDescription",
            HttpMethods.Get,
            "/api/openapi.json",
            ApiAccess.Anyone,
            (handler, request, cancellationToken) => handler.HandleAsync(request, "openapi.json", cancellationToken)),
        Route<PageFilesHandler>(
            "GetApiPage",
            HttpMethods.Get,
            "/api/reference",
            ApiAccess.Anyone,
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
        services.TryAddSingleton<WebhookIdCache>();
        services.TryAddSingleton<WebhookEventReader>();
        return services;
    }

    private static ApiRoute Route<THandler>(
        string name, string method, string path, ApiAccess access, Func<THandler, HttpRequest, CancellationToken, Task<IResult>> handle)
        where THandler : notnull =>
        new(
            name,
            method,
            path,
            access,
            typeof(THandler),
            (services, request, cancellationToken) => handle(services.GetRequiredService<THandler>(), request, cancellationToken));

    private static string RouteValue(HttpRequest request, string name) => (string)request.RouteValues[name]!;
}
