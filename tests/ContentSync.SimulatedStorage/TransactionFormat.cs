using System.Text;

namespace ContentSync.SimulatedStorage;

/// <summary>The multipart form of an entity group transaction (OData batch with one change set).</summary>
internal static class TransactionFormat
{
    public const int MaxBytes = 4 * 1024 * 1024;

    private const int MaxWrites = 100;
    private const string Line = "\r\n";

    public static IReadOnlyList<TableWrite> Read(byte[] body)
    {
        var text = Encoding.UTF8.GetString(body).ReplaceLineEndings("\n");
        const string Declares = "boundary=changeset_";
        var at = text.IndexOf(Declares, StringComparison.Ordinal) + "boundary=".Length;
        var boundary = text[at..text.IndexOf('\n', at)].Trim().Trim('"');
        return [.. text.Split($"--{boundary}").Skip(1).Where(part => !part.StartsWith("--", StringComparison.Ordinal)).Select(ReadPart)];
    }

    /// <summary>The error of a transaction that the service refuses as a whole; null if it is well-formed.</summary>
    public static TableResult? Fault(IReadOnlyList<TableWrite> writes)
    {
        if (writes.Count > MaxWrites)
            return TableResult.Error(400, "InvalidInput", "99:The batch request operation exceeds the maximum 100 changes per change set.");
        var keys = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < writes.Count; i++)
        {
            if (writes[i].Partition != writes[0].Partition)
            {
                return TableResult.Error(
                    400, "CommandsInBatchActOnDifferentPartitions", $"{i}:All commands in a batch must operate on same entity group.");
            }

            if (!keys.Add(writes[i].Row))
                return TableResult.Error(400, "InvalidDuplicateRow", $"{i}:The batch request contains multiple changes with same row key.");
        }

        return null;
    }

    public static TableResult Succeeded(IReadOnlyList<string?> etags) => Wrap(etags.Select(etag =>
        $"HTTP/1.1 204 No Content{Line}X-Content-Type-Options: nosniff{Line}DataServiceVersion: 1.0;{Line}"
        + (etag is null ? "" : $"ETag: {etag}{Line}") + Line));

    public static TableResult Failed(TableResult fault) => Wrap(
    [
        $"HTTP/1.1 {fault.Status} {fault.Code}{Line}X-Content-Type-Options: nosniff{Line}DataServiceVersion: 3.0;{Line}"
        + $"Content-Type: {fault.ContentType}{Line}{Line}{Encoding.UTF8.GetString(fault.Body)}",
    ]);

    private static TableWrite ReadPart(string part)
    {
        var request = part.IndexOf("\n\n", StringComparison.Ordinal) + 2;
        var bodyAt = part.IndexOf("\n\n", request, StringComparison.Ordinal);
        var head = part[request..bodyAt].Split('\n');
        var first = head[0].Split(' ');
        const string IfMatch = "If-Match:";
        var etag = head.FirstOrDefault(line => line.StartsWith(IfMatch, StringComparison.OrdinalIgnoreCase))?[IfMatch.Length..].Trim();
        return TableWrite.Of(new Received(first[0], new Uri(first[1]), etag, Encoding.UTF8.GetBytes(part[bodyAt..].Trim()))) with
        {
            IsInTransaction = true,
        };
    }

    private static TableResult Wrap(IEnumerable<string> responses)
    {
        var (batch, changes) = ($"batchresponse_{Guid.NewGuid()}", $"changesetresponse_{Guid.NewGuid()}");
        var text = new StringBuilder($"--{batch}{Line}Content-Type: multipart/mixed; boundary={changes}{Line}{Line}");
        foreach (var response in responses)
            text.Append($"--{changes}{Line}Content-Type: application/http{Line}Content-Transfer-Encoding: binary{Line}{Line}{response}{Line}");
        text.Append($"--{changes}--{Line}--{batch}--{Line}");
        return new TableResult(202, Encoding.UTF8.GetBytes(text.ToString())) { ContentType = $"multipart/mixed; boundary={batch}" };
    }
}
