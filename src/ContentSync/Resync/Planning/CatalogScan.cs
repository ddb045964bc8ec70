using ContentSync.Content;

namespace ContentSync.Resync.Planning;

/// <summary>Reads a catalog into segments; continues after the segments that an earlier call has written.</summary>
internal sealed class CatalogScan(IPlanFiles files, string plan, PlanRequest request, int segmentItems)
{
    /// <summary>Start of the names of the segments.</summary>
    public const string Prefix = "catalog";

    private readonly PlanSegment _segment = new();
    private int _segments;
    private long _invalid;
    private long _unidentified;
    private bool _isArray;

    /// <summary>Items read so far; the ordinal of the next one.</summary>
    public long Items { get; private set; }

    /// <summary>Line of the last item, from 1.</summary>
    public long Line { get; private set; }

    /// <summary>The last item is not complete JSON.</summary>
    public bool EndsInsideItem { get; private set; }

    /// <summary>The request was spent before the end of the catalog.</summary>
    public bool WasStopped { get; private set; }

    /// <summary>Continues after the segments that exist.</summary>
    public async ValueTask ResumeAsync(IReadOnlySet<string> names, CancellationToken cancellationToken)
    {
        for (; names.Contains(PlanSegment.Name(Prefix, _segments)); _segments++)
        {
            var head = await PlanSegmentHead.ReadAsync(files, plan, PlanSegment.Name(Prefix, _segments), cancellationToken).ConfigureAwait(false);
            (Items, Line, _isArray, EndsInsideItem) = head.End;
            (_invalid, _unidentified) = (_invalid + head.Invalid, _unidentified + head.Unidentified);
        }
    }

    /// <summary>Adds the next items.</summary>
    /// <returns>False if the request is spent.</returns>
    public async ValueTask<bool> AddAsync(PlanChunk chunk, CancellationToken cancellationToken)
    {
        chunk.CopyTo(_segment);
        Items += chunk.Count;
        (Line, _isArray, EndsInsideItem) = (chunk.LastLine, chunk.IsArray, false);
        foreach (var (ordinal, entry) in chunk.Invalid)
        {
            var first = entry.Result.Violations[0];
            var message = first is { Code: ViolationCodes.Mapping, Pointer.Length: > 0 } ? $"{first.Pointer}: {first.Message}" : first.Message;
            var isMalformed = entry.Result.Violations.Any(violation => violation.Code == ViolationCodes.MalformedJson);
            _segment.AddInvalid(
                PlanRemark.Of(ordinal, new ResyncIssue(entry.ToString(), entry.Result.ContentId, first.Code, message)
                {
                    Revision = entry.Result.RefusedNumber,
                    OccurredAt = entry.Result.RefusedOccurredAt,
                }),
                isUnidentified: isMalformed || entry.Result.ContentId is null);
            EndsInsideItem = isMalformed && !_isArray && ordinal == Items - 1;
        }

        if (_segment.Items + _segment.Invalid < segmentItems) return true;
        await WriteAsync(cancellationToken).ConfigureAwait(false);
        WasStopped = request.IsSpent?.Invoke() ?? false;
        return !WasStopped;
    }

    /// <summary>Writes the rest.</summary>
    public async ValueTask<PlanCatalogEnd> CompleteAsync(bool isProven, CancellationToken cancellationToken)
    {
        if (_segment.Items + _segment.Invalid > 0) await WriteAsync(cancellationToken).ConfigureAwait(false);
        return new PlanCatalogEnd(Items, _invalid, _unidentified, _segments, isProven);
    }

    private async ValueTask WriteAsync(CancellationToken cancellationToken)
    {
        var end = new PlanSegmentEnd(Items, Line, _isArray, EndsInsideItem);
        await files.WriteAsync(plan, PlanSegment.Name(Prefix, _segments), _segment.ContentAsync(end), cancellationToken).ConfigureAwait(false);
        _segments++;
        (_invalid, _unidentified) = (_invalid + _segment.Invalid, _unidentified + _segment.Unidentified);
        _segment.Clear();
    }
}
