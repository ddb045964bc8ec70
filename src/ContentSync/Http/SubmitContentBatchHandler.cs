using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using ContentSync.Catalog;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace ContentSync.Http;

/// <summary>
/// POST /api/content/batch: many contents, as a JSON array or one per line (NDJSON). Each is accepted into the ledger and enqueued, or
/// refused by itself. Read as it arrives; memory grows with the answer only.
/// </summary>
public sealed class SubmitContentBatchHandler(CatalogReader reader, ContentSynchronizer synchronizer, ISyncQueue queue, TimeProvider time)
{
    /// <summary>Most bytes of one request.</summary>
    public const int MaxBodyBytes = 64 * 1024 * 1024;

    /// <summary>Most items of one request.</summary>
    public const int MaxItems = 50_000;

    private static readonly TimeSpan LedgerWait = TimeSpan.FromSeconds(10);

    /// <returns>
    /// 202 with what became of each item, 200 where none of them is on its way to AlipayHK, 400 where the body cannot be read to its
    /// end, 413 too large, 415 neither JSON nor NDJSON, 503 with Retry-After where the ledger cannot be reached. An answer other
    /// than 200 and 202 carries what became of the items so far; sending the whole batch again is safe.
    /// </returns>
    public async Task<IResult> HandleAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (!MediaTypes.IsBatch(request.ContentType))
            return Stopped(null, new Stop(StatusCodes.Status415UnsupportedMediaType, "Neither JSON nor NDJSON.", $"Content-Type is '{request.ContentType}'; send application/json or application/x-ndjson in UTF-8."));
        if (request.ContentLength > MaxBodyBytes) return Stopped(null, TooLarge);
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = MaxBodyBytes;

        var intake = new BatchIntake(synchronizer, queue, time);
        Stop? stop;
        try
        {
            stop = await ReadAsync(request.BodyReader, intake, cancellationToken).ConfigureAwait(false);
            await intake.AcceptAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (LedgerUnavailableException e)
        {
            request.HttpContext.Response.Headers.RetryAfter = LedgerWait.TotalSeconds.ToString(CultureInfo.InvariantCulture);
            stop = new Stop(StatusCodes.Status503ServiceUnavailable, "The ledger cannot be reached.", e.Message + " Send the batch again later.");
        }

        await intake.EnqueueAsync(cancellationToken).ConfigureAwait(false);
        return stop is null ? Done(intake.Result) : Stopped(intake, stop);
    }

    private static Stop TooLarge => new(
        StatusCodes.Status413PayloadTooLarge,
        "Too large.",
        string.Create(CultureInfo.InvariantCulture, $"A batch may have {MaxItems:N0} items and {MaxBodyBytes:N0} bytes. Send the rest in another one."));

    /// <summary>The answer to items that were all looked at.</summary>
    internal static IResult Done(BatchResult result) =>
        Results.Json(result, ApiJson.Responses.BatchResult, statusCode: result.HasWork ? StatusCodes.Status202Accepted : StatusCodes.Status200OK);

    /// <summary>Reads to the end, and accepts on the way; the last chunk is left to the caller.</summary>
    /// <returns>Why it could not be read to its end; null where it was.</returns>
    private async Task<Stop?> ReadAsync(PipeReader body, BatchIntake intake, CancellationToken cancellationToken)
    {
        try
        {
            if (await IsGzipAsync(body, cancellationToken).ConfigureAwait(false))
                return new Stop(StatusCodes.Status415UnsupportedMediaType, "Packed.", "The body is packed with gzip; send it unpacked.");
            await foreach (var entry in reader.ReadAsync(body.AsStream(leaveOpen: true), cancellationToken).ConfigureAwait(false))
            {
                if (intake.Count == MaxItems) return TooLarge;
                await intake.AddAsync(entry.Result, cancellationToken).ConfigureAwait(false);
            }

            return null;
        }
        catch (CatalogFormatException e)
        {
            return new Stop(StatusCodes.Status400BadRequest, "The batch cannot be read to its end.", e.Message);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return TooLarge;
        }
    }

    // The catalog reader would unpack it, and a few bytes could become many.
    private static async ValueTask<bool> IsGzipAsync(PipeReader body, CancellationToken cancellationToken)
    {
        var start = await body.ReadAtLeastAsync(2, cancellationToken).ConfigureAwait(false);
        var isGzip = start.Buffer.Length >= 2 && start.Buffer.Slice(0, 2).ToArray() is [0x1F, 0x8B];
        body.AdvanceTo(start.Buffer.Start);
        return isGzip;
    }

    private static ProblemHttpResult Stopped(BatchIntake? intake, Stop stop) => TypedResults.Problem(new ProblemDetails
    {
        Status = stop.Status,
        Title = stop.Title,
        Detail = stop.Detail,
        Extensions = { ["items"] = intake?.Result.Items.ToArray() ?? [] },
    });

    private sealed record Stop(int Status, string Title, string Detail);
}
