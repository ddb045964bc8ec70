using System.Text;
using ContentSync.Content;
using ContentSync.Http;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Simulation;

/// <summary>Handles a request to a route of the API.</summary>
internal delegate Task<IResult> ApiHandler(string route, HttpRequest request, CancellationToken cancellationToken);

/// <summary>What callers ask of a process over HTTP, and what they conclude from its responses.</summary>
internal sealed class HttpCallers(World world, IServiceProvider services, ApiHandler handle)
{
    /// <summary>Begins the title of the response to an item that was accepted but not sent yet.</summary>
    private const string AcceptedTitle = "Accepted";

    /// <summary>Submits the items.</summary>
    /// <returns>False if the caller must submit them again.</returns>
    public Task<bool> SubmitAsync(Submitted submitted, CancellationToken cancellationToken) => submitted.Items switch
    {
        [{ Intent: Intent.Delist } item] => SendAsync(item, "DelistContent", Delisting(item), cancellationToken),
        [{ Intent: Intent.RollBack } item] => RollBackAsync(item, submitted, cancellationToken),
        [var item] => SendAsync(item, "SubmitContent", Submission(submitted, item.ToMessage()), cancellationToken),
        var items => SendBatchAsync(items, Submission(submitted, $"[{string.Join(',', items.Select(item => item.ToMessage()))}]"), cancellationToken),
    };

    private async Task<bool> SendAsync(SubmittedItem item, string route, HttpRequest request, CancellationToken cancellationToken)
    {
        var result = await handle(route, request, cancellationToken).ConfigureAwait(false);
        var status = ((IStatusCodeHttpResult)result).StatusCode ?? StatusCodes.Status200OK;
        if (status == StatusCodes.Status400BadRequest) return item.IsInvalid;
        if (status == StatusCodes.Status499ClientClosedRequest) return false;
        var isWaiting = result is ProblemHttpResult problem && problem.ProblemDetails.Title!.StartsWith(AcceptedTitle, StringComparison.Ordinal);
        if (status == StatusCodes.Status503ServiceUnavailable && !isWaiting) return false;
        world.Invariants.Acknowledged(item);
        return true;
    }

    private async Task<bool> SendBatchAsync(IReadOnlyList<SubmittedItem> items, HttpRequest request, CancellationToken cancellationToken)
    {
        var result = await handle("SubmitContentBatch", request, cancellationToken).ConfigureAwait(false);
        var outcomes = result switch
        {
            IValueHttpResult<BatchResult> batch => batch.Value!.Items,
            ProblemHttpResult problem => (IReadOnlyList<BatchItemResult>)problem.ProblemDetails.Extensions["items"]!,
            _ => [],
        };
        var accepted = outcomes.Where(outcome => outcome.Outcome is not (BatchItemResult.Invalid or BatchItemResult.NotAccepted)).ToList();
        foreach (var outcome in accepted) world.Invariants.Acknowledged(items[outcome.Index]);
        return accepted.Count == items.Count;
    }

    // Only a resync declares that its versions win; here it does so for one item.
    private async Task<bool> RollBackAsync(SubmittedItem item, Submitted submitted, CancellationToken cancellationToken)
    {
        var synchronizer = services.GetRequiredService<ContentSynchronizer>();
        if (services.GetRequiredService<ContentReader>().Read(Encoding.UTF8.GetBytes(item.ToJson())).Item is not { } read) return false;
        var submission = synchronizer.Submit(read, ChangeVersion.OnAcceptance) with { OverrideDeclaredAt = VirtualTime.Epoch + submitted.At };
        try
        {
            var acceptance = (await synchronizer.AcceptAsync([submission], cancellationToken).ConfigureAwait(false))[0];
            world.Invariants.Acknowledged(item);
            if (acceptance.Kind is not (AcceptanceKind.Accepted or AcceptanceKind.AlreadyPending)) return true;
            var record = acceptance.Record;
            var message = new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero);
            await services.GetRequiredService<ISyncQueue>().TryEnqueueAsync([message], cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (LedgerUnavailableException)
        {
            return false;
        }
    }

    private static HttpRequest Submission(Submitted submitted, string body)
    {
        var request = new DefaultHttpContext().Request;
        request.Method = HttpMethods.Post;
        request.ContentType = "application/json";
        request.Body = new MemoryStream(Encoding.UTF8.GetBytes(body));
        if (submitted.Input == Input.HttpAsync) request.Headers["Prefer"] = "respond-async";
        return request;
    }

    private static HttpRequest Delisting(SubmittedItem item)
    {
        var request = new DefaultHttpContext().Request;
        request.Method = HttpMethods.Delete;
        request.RouteValues["contentId"] = item.ContentId;
        if (item.Revision is { } revision) request.QueryString = revision.ToQuery();
        return request;
    }
}
