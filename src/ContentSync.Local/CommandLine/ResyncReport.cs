using ContentSync.Catalog;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Mapping;
using ContentSync.Resync;
using ContentSync.Resync.Planning;

namespace ContentSync.Local.CommandLine;

/// <summary>Writes everything that a resync did not bring into sync to the report file, if there is one.</summary>
internal sealed class ResyncReport(LocalPipeline pipeline, string? file) : IDisposable
{
    private readonly IssueReport _report = new(file);

    // A plan predicts most of them, and the run finds the rest.
    private readonly HashSet<string> _newer = new(StringComparer.Ordinal);

    /// <summary>Adds an item of which the ledger holds a newer version, once.</summary>
    public void AddNewer(string contentId)
    {
        if (file is null || !_newer.Add(contentId)) return;
        const string Message = "A newer version was accepted before. To make the catalog win, run it with --override-newer.";
        Add(SyncIssueKind.Newer, 0, contentId, "newer", Message);
    }

    /// <summary>Adds every item that the catalog holds more than once, and every item of which the ledger holds a newer version.</summary>
    /// <exception cref="IOException">The plan cannot be read.</exception>
    public async Task AddAsync(CatalogPlan plan, CancellationToken cancellationToken)
    {
        if (file is null) return;
        await foreach (var duplicate in plan.ReadDuplicatesAsync(cancellationToken).ConfigureAwait(false))
            _report.Add(SyncTally.IssueOf(duplicate));

        await foreach (var contentId in plan.ReadNewerAsync(cancellationToken).ConfigureAwait(false)) AddNewer(contentId);
    }

    /// <summary>Adds every invalid item of the catalog, of which the mapping, if there is one, makes the items.</summary>
    public async Task AddInvalidAsync(string path, CatalogMapping? mapping, CancellationToken cancellationToken)
    {
        if (file is null) return;
        try
        {
            var file = File.OpenRead(path);
            var stream = mapping is null ? file : MappedSnapshot.Open(file, mapping, new MappingTally());
            await using (stream.ConfigureAwait(false))
            {
                var reader = new CatalogReader(pipeline.Reader, pipeline.ContentOptions);
                await foreach (var entry in reader.ReadAsync(stream, cancellationToken).ConfigureAwait(false))
                {
                    if (entry.Result.Item is null) _report.Add(SyncTally.IssueOf(entry.Line, entry.Result.ContentId, entry.Result.Violations));
                }
            }
        }
        catch (CatalogFormatException e)
        {
            Add(SyncIssueKind.Invalid, e.Line, null, "refused", e.Message);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            Add(SyncIssueKind.Invalid, 0, null, "refused", e.Message);
        }
    }

    /// <summary>Adds every pending and parked item of the ledger.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public async Task AddOpenAsync(CancellationToken cancellationToken)
    {
        if (file is not null) await OpenItems.ReadAsync(pipeline.Ledger.ListItemsAsync, AddOpen, cancellationToken).ConfigureAwait(false);
    }

    /// <returns>Why the report is incomplete; null if it is complete.</returns>
    public string? Close()
    {
        _report.Dispose();
        return _report.Failure is { } failure ? $"The report is incomplete: {failure}" : null;
    }

    public void Dispose() => _report.Dispose();

    private void AddOpen(ListedItem record)
    {
        var kind = record switch
        {
            { State: SyncState.Pending } => SyncIssueKind.Pending,
            { ParkReason: ParkReason.Rejected } => SyncIssueKind.Rejected,
            _ => SyncIssueKind.Exhausted,
        };
        Add(kind, 0, record.ContentId, record.LastAttempt?.Code ?? "", record.LastAttempt?.Message ?? "Not sent yet.");
    }

    private void Add(SyncIssueKind kind, long line, string? contentId, string code, string message) =>
        _report.Add(new SyncIssue(kind, line, contentId, code, message, []));
}
