using ContentSync.Http;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Functions;

/// <summary>Answers a request as the library's route of that name does, so that this host serves the same API as the local one.</summary>
public sealed class ApiFunctions(IServiceProvider services)
{
    private static readonly Dictionary<string, ApiRoute> Routes = ApiRoutes.All.ToDictionary(route => route.Name, StringComparer.Ordinal);

    /// <summary>The answer, or 499, which nobody reads, where the request was cancelled: a caller that went away, or a host that shuts down, is no failure.</summary>
    /// <param name="name">Of the route and of the function.</param>
    /// <param name="request">Its route values are read by the handler.</param>
    /// <param name="cancellationToken">The invocation's.</param>
    public async Task<IResult> HandleAsync(string name, HttpRequest request, CancellationToken cancellationToken)
    {
        SecurityHeaders.Apply(request.HttpContext.Response);
        try
        {
            return await Routes[name].HandleAsync(services, request, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return Results.StatusCode(StatusCodes.Status499ClientClosedRequest);
        }
    }
}
