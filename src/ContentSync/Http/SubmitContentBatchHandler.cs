using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using ContentSync.Catalog;
using ContentSync.Ledger;
using ContentSync.Mapping;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace ContentSync.Http;

/// <summary>
/// POST /api/content/batch: many items, as a JSON array or one per line (NDJSON). Each item is accepted into the ledger and enqueued, or
/// rejected, on its own. The body is read as it arrives; only the response grows with the number of items.
/// </summary>
public sealed class SubmitContentBatchHandler(
    CatalogReader reader,
    ContentSynchronizer synchronizer,
    RefusedVersions refused,
    ISyncQueue queue,
    MappingCache mappings)
{
    /// <summary>Max bytes per request.</summary>
    public const int MaxBodyBytes = 64 * 1024 * 1024;

    /// <summary>Max items per request.</summary>
    public const int MaxItems = 50_000;

    private static readonly TimeSpan LedgerRetryAfter = TimeSpan.FromSeconds(10);

    /// <returns>
    /// 202 with the outcome of each item, 200 if none of them is to be sent to AlipayHK, 400 if the body cannot be read to its end,
    /// 413 too large, 415 neither JSON nor NDJSON, 503 with Retry-After if the ledger is unavailable. A response other than 200 and
    /// 202 carries the outcomes of the items read so far; sending the whole batch again is safe.
    /// </returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        CatalogMapping? mapping = null;
        if (MapParameter.Of(request) is { } name)
        {
            try
            {
                (mapping, var wrong) = await mappings.FindAsync(name, cancellationToken).ConfigureAwait(false);
                if (mapping is null) return ProblemOf(new BatchFault(StatusCodes.Status400BadRequest, MapParameter.Title, wrong!), null);
            }
            catch (Exception e) when (e is MappingException or IOException)
            {
                return ProblemOf(new BatchFault(StatusCodes.Status503ServiceUnavailable, MapParameter.Title, MapParameter.DetailOf(e)), null);
            }
        }

        if (mapping is null && !MediaTypes.IsBatch(request.ContentType))
        {
            var unsupported = new BatchFault(
                StatusCodes.Status415UnsupportedMediaType,
                "Neither JSON nor NDJSON.",
                $"Content-Type is '{request.ContentType}'; send application/json or application/x-ndjson in UTF-8.");
            return ProblemOf(unsupported, null);
        }

        if (request.ContentLength > MaxBodyBytes) return ProblemOf(TooLarge, null);
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = MaxBodyBytes;

        var intake = new BatchIntake(synchronizer, refused, queue);
        BatchFault? fault;
        try
        {
            fault = await ReadAsync(request.BodyReader, mapping, intake, cancellationToken).ConfigureAwait(false);
            await intake.AcceptAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (LedgerUnavailableException e)
        {
            request.HttpContext.Response.Headers.RetryAfter = LedgerRetryAfter.TotalSeconds.ToString(CultureInfo.InvariantCulture);
            fault = new BatchFault(
                StatusCodes.Status503ServiceUnavailable, "The ledger is unavailable.", e.Message + " Send the batch again later.");
        }

        await intake.EnqueueAsync(cancellationToken).ConfigureAwait(false);
        return fault is null ? Done(intake.Result) : ProblemOf(fault, intake);
    }

    private static BatchFault TooLarge => new(
        StatusCodes.Status413PayloadTooLarge,
        "Too large.",
        string.Create(
            CultureInfo.InvariantCulture,
            $"A batch may have at most {MaxItems:N0} items and {MaxBodyBytes:N0} bytes. Send the remaining items in another batch."));

    /// <summary>The response to a batch that was read to its end.</summary>
    internal static IResult Done(BatchResult result) =>
        Results.Json(
            result,
            ApiJson.Responses.BatchResult,
            statusCode: result.HasWork ? StatusCodes.Status202Accepted : StatusCodes.Status200OK);

    /// <summary>Reads the body and accepts full chunks; accepting the last chunk is left to the caller.</summary>
    /// <returns>Why the body could not be read to its end; null if it could.</returns>
    private async Task<BatchFault?> ReadAsync(
        PipeReader body, CatalogMapping? mapping, BatchIntake intake, CancellationToken cancellationToken)
    {
        try
        {
            if (await IsGzipAsync(body, cancellationToken).ConfigureAwait(false))
            {
                return new BatchFault(
                    StatusCodes.Status415UnsupportedMediaType, RequestBody.CompressedTitle, RequestBody.CompressedDetail);
            }

            var stream = body.AsStream(leaveOpen: true);
            if (mapping is not null) stream = MappedSnapshot.Open(stream, mapping, new MappingTally());
            await foreach (var entry in reader.ReadAsync(stream, cancellationToken).ConfigureAwait(false))
            {
                if (intake.Count == MaxItems) return TooLarge;
                await intake.AddAsync(entry.Result, cancellationToken).ConfigureAwait(false);
            }

            return null;
        }
        catch (CatalogFormatException e)
        {
            return new BatchFault(StatusCodes.Status400BadRequest, "The batch cannot be read to its end.", e.Message);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return TooLarge;
        }
        catch (BadHttpRequestException e)
        {
            var (title, detail) = Problem.UnreadableText(e);
            return new BatchFault(e.StatusCode, title, detail);
        }
    }

    // The catalog reader would decompress the body, and a few bytes could expand to many.
    private static async ValueTask<bool> IsGzipAsync(PipeReader body, CancellationToken cancellationToken)
    {
        var start = await body.ReadAtLeastAsync(2, cancellationToken).ConfigureAwait(false);
        var isGzip = RequestBody.IsGzip(start.Buffer.Slice(0, Math.Min(2, start.Buffer.Length)).ToArray());
        body.AdvanceTo(start.Buffer.Start);
        return isGzip;
    }

    private static ProblemHttpResult ProblemOf(BatchFault fault, BatchIntake? intake) => TypedResults.Problem(new ProblemDetails
    {
        Status = fault.Status,
        Title = fault.Title,
        Detail = fault.Detail,
        Extensions = { ["items"] = intake?.Result.Items.ToArray() ?? [] },
    });

    private sealed record BatchFault(int Status, string Title, string Detail);
}
