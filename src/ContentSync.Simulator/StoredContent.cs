using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContentSync.Simulator;

/// <summary>One content as the simulated AlipayHK holds it; also one line of its journal and of what it shows.</summary>
public sealed record StoredContent
{
    public required string ContentId { get; init; }

    public required string ContentType { get; init; }

    /// <summary>0 or 1.</summary>
    public required int ContentStatus { get; init; }

    /// <summary>The string of the wire, character by character.</summary>
    public required string ContentInfo { get; init; }

    /// <summary>Of the newest call that took effect.</summary>
    public required string RequestId { get; init; }

    /// <summary>First 8 bytes of the SHA-256 over the body of that call.</summary>
    public required ulong BodyHash { get; init; }

    /// <summary>Calls that took effect, repeats included.</summary>
    public required long Calls { get; init; }

    public required DateTimeOffset FirstReceivedAt { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>Made once per contentId, MOVIE only; 32 characters.</summary>
    public string? TemplateCode { get; init; }

    /// <summary>endDate of contentInfo, epoch milliseconds.</summary>
    public long? EndDate { get; init; }

    /// <summary>Content review has taken it off.</summary>
    public bool Frozen { get; init; }

    /// <summary>valid, paused, expired or frozen at the time it was shown, MOVIE only; not kept, since time alone changes it.</summary>
    public string? TemplateStatus { get; init; }

    /// <summary>With <see cref="TemplateStatus"/> filled in. Review weighs more than the end date, the end date more than contentStatus.</summary>
    internal StoredContent AsOf(DateTimeOffset now) => TemplateCode is null ? this : this with
    {
        TemplateStatus = Frozen ? "frozen"
            : EndDate < now.ToUnixTimeMilliseconds() ? "expired"
            : ContentStatus == 0 ? "paused"
            : "valid",
    };
}

/// <summary>Counters since the start; content is what it holds now.</summary>
public sealed record GatewayStats
{
    /// <summary>Every request but those to the admin surface.</summary>
    public required long Requests { get; init; }

    /// <summary>Calls that took effect.</summary>
    public required long Effects { get; init; }

    public required int Contents { get; init; }

    /// <summary>Signatures it checked and found right.</summary>
    public required long SignaturesVerified { get; init; }

    /// <summary>Protocol fault of the caller: two requests for one contentId in flight at once, both with a caller still waiting.</summary>
    public required long OverlappingRequests { get; init; }

    /// <summary>Protocol fault of the caller: a requestId came again with another body.</summary>
    public required long ReusedRequestIds { get; init; }

    /// <summary>Results it decided on, by resultCode, also where a fault kept the caller from reading it.</summary>
    public required IReadOnlyDictionary<string, long> Results { get; init; }

    /// <summary>Faults that fired, by the name the text form gives them.</summary>
    public required IReadOnlyDictionary<string, long> Faults { get; init; }
}

/// <summary>Faults as the admin surface shows and takes them.</summary>
internal sealed record FaultsDocument(string Faults);

/// <summary>Why the admin surface did not do it.</summary>
internal sealed record AdminError(string Error);

[JsonSerializable(typeof(StoredContent))]
[JsonSerializable(typeof(GatewayStats))]
[JsonSerializable(typeof(FaultsDocument))]
[JsonSerializable(typeof(AdminError))]
internal sealed partial class GatewayJson : JsonSerializerContext
{
    /// <summary>Leaves Chinese text readable.</summary>
    public static GatewayJson Relaxed { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
