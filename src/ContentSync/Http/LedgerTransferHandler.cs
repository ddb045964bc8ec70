using System.Globalization;
using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http;

/// <summary>/api/ledger: exports all records as NDJSON, and imports such records.</summary>
public sealed class LedgerTransferHandler(
    ISyncLedger ledger, ILedgerImport import, [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <summary>Max bytes of one import; a larger export is imported in parts.</summary>
    public const int MaxBodyBytes = 64 * 1024 * 1024;

    internal const string MediaType = "application/x-ndjson";

    /// <summary>GET /api/ledger/export.</summary>
    /// <returns>200 with the stream, 503 if the ledger is unavailable. A stream without the end line was cut off.</returns>
    public async Task<IResult> ExportAsync(CancellationToken cancellationToken)
    {
        try
        {
            var horizon = await ledger.HorizonAsync(cancellationToken).ConfigureAwait(false);
            var records = ledger.ListAsync(new SyncRecordFilter(), cancellationToken);
            return Results.Stream(
                output => new LedgerExport(output).WriteAsync(records, horizon, time.GetUtcNow(), cancellationToken), MediaType);
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }

    /// <summary>POST /api/ledger/import.</summary>
    /// <returns>200 with the counts, 400 if a line is wrong, 413 too large, 415 not NDJSON, 503 if the ledger is unavailable.</returns>
    public async Task<IResult> ImportAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (!MediaTypes.IsBatch(request.ContentType))
        {
            return Problem.Of(
                StatusCodes.Status415UnsupportedMediaType, "Not NDJSON.", $"Content-Type is '{request.ContentType}'; send {MediaType} in UTF-8.");
        }

        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = MaxBodyBytes;
        if (request.ContentLength > MaxBodyBytes) return TooLarge;
        var importing = new LedgerImport(import);
        try
        {
            var counts = await importing.RunAsync(request.Body, isWhole: false, cancellationToken).ConfigureAwait(false);
            return Results.Json(new ImportResult(counts.Imported, counts.Kept), ApiJson.Responses.ImportResult);
        }
        catch (LedgerFormatException e)
        {
            var counts = string.Create(
                CultureInfo.InvariantCulture, $"{Wording.Count(importing.Counts.Imported, "record was", "records were")} imported before");
            return Problem.Of(StatusCodes.Status400BadRequest, "A line cannot be imported.", $"{e.Message} {counts}.");
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return TooLarge;
        }
        catch (LedgerUnavailableException e)
        {
            return Problem.LedgerUnavailable(e);
        }
    }

    private static IResult TooLarge => Problem.Of(
        StatusCodes.Status413PayloadTooLarge,
        "The import is too large.",
        $"One import may have {MaxBodyBytes >> 20} MiB. Send the lines in several requests; contentsync import does.");
}

/// <summary>What an import did.</summary>
/// <param name="Imported">Records taken. Those that were pending or synchronized are pending and are sent again.</param>
/// <param name="Kept">Records left out, because the ledger holds the same version or a newer one.</param>
public sealed record ImportResult(long Imported, long Kept);
