using System.Text.Json.Serialization;

namespace ContentSync.Budget;

/// <summary>
/// What all processes of the app share about sending: who may send how much, what an operator decided, and whether the circuit breaker is
/// open. One document, changed only by compare-and-swap.
/// </summary>
public sealed record SharedSendState
{
    /// <summary>Requests per second that an operator set below the configured ceiling; null for the ceiling.</summary>
    [JsonPropertyName("rate")]
    public double? Rate { get; init; }

    /// <summary>The pauses in force, and those that ended lately.</summary>
    [JsonPropertyName("pauses")]
    public IReadOnlyList<SendPause> Pauses { get; init; } = [];

    /// <summary>The processes that hold or want a part of the budget.</summary>
    [JsonPropertyName("holders")]
    public IReadOnlyList<BudgetHolder> Holders { get; init; } = [];

    /// <summary>Units that were given back lately. A process that takes them waits for one window first: they were in use until then.</summary>
    [JsonPropertyName("warm")]
    public IReadOnlyList<WarmUnits> Warm { get; init; } = [];

    /// <summary>The open circuit breaker; null while it is closed.</summary>
    [JsonPropertyName("circuit")]
    public SharedCircuit? Circuit { get; init; }

    /// <summary>Events that were or are being reported to receivers, oldest first; null before notifications were used.</summary>
    [JsonPropertyName("notified")]
    public IReadOnlyList<NotificationClaim>? Notified { get; init; }
}

/// <summary>An event that was reported to receivers, or that a process reports now.</summary>
/// <param name="Id">The event.</param>
/// <param name="Holder">The process that reports it; null once that is done.</param>
/// <param name="Until">When another process may report it in its place; null once that is done.</param>
public sealed record NotificationClaim(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("p")] string? Holder = null,
    [property: JsonPropertyName("e")] DateTimeOffset? Until = null);

/// <summary>Units that a process gave back.</summary>
/// <param name="Units">How many.</param>
/// <param name="Until">From when on they can be used at once; the store's time.</param>
public sealed record WarmUnits([property: JsonPropertyName("u")] int Units, [property: JsonPropertyName("t")] DateTimeOffset Until);

/// <summary>A process's part of the budget. A unit is one request per second; see <see cref="BudgetRule"/>.</summary>
/// <param name="Id">The process; a new one for each start.</param>
/// <param name="Single">Units for single changes.</param>
/// <param name="Bulk">Units for bulk sends.</param>
/// <param name="SingleWants">Units that its single changes could use.</param>
/// <param name="BulkWants">Units that its bulk sends could use.</param>
/// <param name="Expires">End of its lease; the store's time. The process stops earlier.</param>
/// <param name="Waiting">Its callers that waited for their turn at the last renewal; for display.</param>
/// <param name="Vaults">The vaults as it found them; for display. Null for a process without a pool of vaults.</param>
public sealed record BudgetHolder(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("s")] int Single,
    [property: JsonPropertyName("b")] int Bulk,
    [property: JsonPropertyName("ws")] int SingleWants,
    [property: JsonPropertyName("wb")] int BulkWants,
    [property: JsonPropertyName("e")] DateTimeOffset Expires,
    [property: JsonPropertyName("n")] int Waiting = 0,
    [property: JsonPropertyName("v")] IReadOnlyList<VaultUse>? Vaults = null)
{
    /// <summary>Units that no other process may have.</summary>
    [JsonIgnore]
    public int Charge => Single + Bulk;
}

/// <summary>A vault as a process found it.</summary>
/// <param name="Vault">Its name.</param>
/// <param name="PerSecond">Signatures per second that the process may request there; 0 while it is down.</param>
/// <param name="IsThrottled">The rate is lowered, because the vault throttled calls lately.</param>
public sealed record VaultUse(
    [property: JsonPropertyName("n")] string Vault,
    [property: JsonPropertyName("r")] double PerSecond,
    [property: JsonPropertyName("t")] bool IsThrottled);

/// <summary>The document as the stores keep it.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SharedSendState))]
internal sealed partial class SharedSendStateJson : JsonSerializerContext;
