using System.Net;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Local.Hosting;

/// <summary>
/// Keeps web pages of other origins from reaching this host through the user's browser, whether by DNS rebinding or by a form or script that
/// sends requests here.
/// </summary>
internal static class LoopbackGuard
{
    public static Task CheckAsync(HttpContext context, RequestDelegate next)
    {
        var request = context.Request;
        if (!IsThisMachine(request.Host.Host))
        {
            var detail = $"The Host header names '{request.Host}', but this host serves only localhost and 127.0.0.1.";
            return Refuse(context, StatusCodes.Status421MisdirectedRequest, "Wrong host.", detail);
        }

        if (request.Headers.Origin is [{ } origin] && !IsSafe(request.Method) && origin != $"{request.Scheme}://{request.Host}")
            return Refuse(context, StatusCodes.Status403Forbidden, "Wrong origin.", $"A page from '{origin}' must not change anything here.");
        return next(context);
    }

    private static bool IsThisMachine(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    private static bool IsSafe(string method) =>
        HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method);

    private static Task Refuse(HttpContext context, int status, string title, string detail) =>
        TypedResults.Problem(detail, statusCode: status, title: title).ExecuteAsync(context);
}
