using System.Text;
using System.Text.Json;

namespace ContentSync.SimulatedStorage;

/// <summary>A response before it becomes HTTP.</summary>
internal sealed record TableResult(int Status, byte[] Body)
{
    public string ContentType { get; init; } = "application/json;odata=minimalmetadata;streaming=true;charset=utf-8";

    public string? ETag { get; init; }

    /// <summary>Where the next page of a query begins.</summary>
    public (string Partition, string Row)? Next { get; init; }

    public string? Code { get; private init; }

    public string? Message { get; private init; }

    public static TableResult NoContent(string? etag) => new(204, []) { ETag = etag };

    public static TableResult Error(int status, string code, string message)
    {
        var quoted = JsonSerializer.Serialize(message);
        var text = $$$"""{"odata.error":{"code":"{{{code}}}","message":{"lang":"en-US","value":{{{quoted}}}} } }""";
        return new TableResult(status, Encoding.UTF8.GetBytes(text)) { Code = code, Message = message };
    }

    /// <summary>The error of one operation of a transaction.</summary>
    public TableResult At(int index) => Error(Status, Code!, $"{index}:{Message}");
}
