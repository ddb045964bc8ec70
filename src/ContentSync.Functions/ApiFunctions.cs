using System.Runtime.CompilerServices;
using ContentSync.Http;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Functions;

/// <summary>Handles requests with the library's routes, so that this host serves the same API as the local one.</summary>
public sealed class ApiFunctions(IServiceProvider services)
{
    private static readonly Dictionary<string, ApiRoute> Routes = ApiRoutes.All.ToDictionary(route => route.Name, StringComparer.Ordinal);

    /// <summary>
    /// Handles a request. Returns 499 if it was cancelled: a caller that disconnected, or a host that shuts down, is not a failure.
    /// </summary>
    /// <param name="request">The request, with route values for the handler.</param>
    /// <param name="cancellationToken">The invocation's token.</param>
    /// <param name="name">Name of the route, of the function and of its method: the compiler passes the method that calls.</param>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken, [CallerMemberName] string name = "")
    {
        SecurityHeaders.Apply(request.HttpContext.Response);
        try
        {
            return await Routes[name].RespondAsync(services, request, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return Results.StatusCode(StatusCodes.Status499ClientClosedRequest);
        }
    }
}
