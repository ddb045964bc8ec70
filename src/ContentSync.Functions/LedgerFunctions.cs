using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Functions;

/// <summary>Shows the size of the ledger, exports and imports it.</summary>
public sealed class LedgerFunctions(ApiFunctions api)
{
    /// <summary>GET /api/ledger. How many records the ledger holds, and for how long it keeps what.</summary>
    [Function(nameof(GetLedgerSize))]
    public Task<IResult> GetLedgerSize(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "ledger")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>GET /api/ledger/export. All records as NDJSON.</summary>
    [Function(nameof(ExportLedger))]
    public Task<IResult> ExportLedger(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "ledger/export")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);

    /// <summary>POST /api/ledger/import. Takes exported records, which are then sent again.</summary>
    [Function(nameof(ImportLedger))]
    public Task<IResult> ImportLedger(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "ledger/import")] HttpRequest request,
        CancellationToken cancellationToken) => api.HandleAsync(request, cancellationToken);
}
