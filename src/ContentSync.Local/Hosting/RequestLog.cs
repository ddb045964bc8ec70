using System.Diagnostics;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace ContentSync.Local.Hosting;

/// <summary>
/// Logs requests by their route, never with query, headers or body: every one at the debug level, those that the host refused or could not
/// handle at a higher one. An unhandled error carries the trace id that its response carries.
/// </summary>
internal sealed partial class RequestLog(TimeProvider time, ILogger<RequestLog> logger) : IExceptionHandler
{
    public async Task LogAsync(HttpContext context, RequestDelegate next)
    {
        var began = time.GetTimestamp();
        await next(context).ConfigureAwait(false);
        var (method, route, status) = (context.Request.Method, Route(context), context.Response.StatusCode);
        var (trace, took) = (TraceId(context), time.GetElapsedTime(began).TotalMilliseconds);
        if (status is StatusCodes.Status403Forbidden or StatusCodes.Status421MisdirectedRequest) LogForeign(status);
        else if (status > StatusCodes.Status500InternalServerError) LogUnavailable(method, route, status, trace);
        else LogResponse(method, route, status, took);
    }

    /// <summary>For a caller without the API key.</summary>
    public void LogRefused(string route) => LogNoKey(route);

    /// <returns>False: the response is made elsewhere.</returns>
    public ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        var (route, trace) = (Route(httpContext), TraceId(httpContext));
        if (exception is not OperationCanceledException || !httpContext.RequestAborted.IsCancellationRequested)
            LogUnhandled(httpContext.Request.Method, route, trace, exception);
        return ValueTask.FromResult(false);
    }

    // As problem details have it.
    private static string TraceId(HttpContext context) => Activity.Current?.Id ?? context.TraceIdentifier;

    // After an error there is no endpoint any more. An unknown path may hold anything, so it is not logged.
    private static string Route(HttpContext context)
    {
        var endpoint = context.GetEndpoint() ?? context.Features.Get<IExceptionHandlerFeature>()?.Endpoint;
        return (endpoint as RouteEndpoint)?.RoutePattern.RawText ?? "an unknown path";
    }

    [LoggerMessage(EventId = 4401, Level = LogLevel.Error, Message = "Unhandled error in {Method} {Route}, trace id {TraceId}.")]
    private partial void LogUnhandled(string method, string route, string traceId, Exception exception);

    [LoggerMessage(EventId = 4402, Level = LogLevel.Warning, Message = "{Method} {Route} ended with HTTP {Status}, trace id {TraceId}")]
    private partial void LogUnavailable(string method, string route, int status, string traceId);

    [LoggerMessage(EventId = 4403, Level = LogLevel.Warning, Message = "Refused a request to {Route}: it has no API key, or a wrong one")]
    private partial void LogNoKey(string route);

    [LoggerMessage(
        EventId = 4404,
        Level = LogLevel.Warning,
        Message = "Refused a request of a web page of another origin, or to another host name (HTTP {Status})")]
    private partial void LogForeign(int status);

    [LoggerMessage(EventId = 4405, Level = LogLevel.Debug, Message = "{Method} {Route}: HTTP {Status} in {Milliseconds:F1} ms")]
    private partial void LogResponse(string method, string route, int status, double milliseconds);
}
