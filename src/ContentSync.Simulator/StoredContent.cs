using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContentSync.Simulator;

/// <summary>An item as the simulated AlipayHK holds it; also a line of its journal and of <c>/simulator/content</c>.</summary>
public sealed record StoredContent
{
    public required string ContentId { get; init; }

    public required string ContentType { get; init; }

    /// <summary>0 or 1.</summary>
    public required int ContentStatus { get; init; }

    /// <summary>The string exactly as received.</summary>
    public required string ContentInfo { get; init; }

    /// <summary>requestId of the latest request that took effect.</summary>
    public required string RequestId { get; init; }

    /// <summary>First 8 bytes of the SHA-256 over the body of that request.</summary>
    public required ulong BodyHash { get; init; }

    /// <summary>Number of requests that took effect, including repeated ones.</summary>
    public required long Calls { get; init; }

    public required DateTimeOffset FirstReceivedAt { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>Constant per contentId, MOVIE only; 32 characters.</summary>
    public string? TemplateCode { get; init; }

    /// <summary>endDate of contentInfo, epoch milliseconds.</summary>
    public long? EndDate { get; init; }

    /// <summary>Content review has taken the item down.</summary>
    public bool Frozen { get; init; }

    /// <summary>valid, paused, expired or frozen at the time of reading, MOVIE only; not stored, because it changes with time.</summary>
    public string? TemplateStatus { get; init; }

    /// <summary>Fills in <see cref="TemplateStatus"/>. Review takes precedence over the end date, and the end date over contentStatus.</summary>
    internal StoredContent AsOf(DateTimeOffset now) => TemplateCode is null ? this : this with
    {
        TemplateStatus = Frozen ? "frozen"
            : EndDate < now.ToUnixTimeMilliseconds() ? "expired"
            : ContentStatus == 0 ? "paused"
            : "valid",
    };
}

/// <summary>Counters since the start, except <see cref="Items"/>, which is the current number.</summary>
public sealed record GatewayStats
{
    /// <summary>All requests except those to <c>/simulator</c>.</summary>
    public required long Requests { get; init; }

    /// <summary>Requests that took effect.</summary>
    public required long Effects { get; init; }

    /// <summary>Items that it holds.</summary>
    [JsonPropertyName("contents")]
    public required int Items { get; init; }

    /// <summary>Valid signatures.</summary>
    public required long SignaturesVerified { get; init; }

    /// <summary>Protocol fault of the caller: two requests for one contentId were in flight at once, and the caller waited for both.</summary>
    public required long OverlappingRequests { get; init; }

    /// <summary>Protocol fault of the caller: a requestId was used again with another body.</summary>
    public required long ReusedRequestIds { get; init; }

    /// <summary>Results by resultCode, including those that a fault kept from the caller.</summary>
    public required IReadOnlyDictionary<string, long> Results { get; init; }

    /// <summary>Faults that fired, by their names in the text form.</summary>
    public required IReadOnlyDictionary<string, long> Faults { get; init; }
}

/// <summary>Body of <c>/simulator/faults</c>.</summary>
internal sealed record FaultsDocument(string Faults);

/// <summary>Error response of <c>/simulator</c>.</summary>
internal sealed record AdminError(string Error);

[JsonSerializable(typeof(StoredContent))]
[JsonSerializable(typeof(GatewayStats))]
[JsonSerializable(typeof(FaultsDocument))]
[JsonSerializable(typeof(AdminError))]
internal sealed partial class GatewayJson : JsonSerializerContext
{
    /// <summary>Keeps Chinese text readable instead of escaping it.</summary>
    public static GatewayJson Relaxed { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
