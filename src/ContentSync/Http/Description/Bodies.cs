using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Mvc;

namespace ContentSync.Http.Description;

/// <summary>The JSON types of a member whose .NET type does not show them.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class JsonTypesAttribute(params string[] names) : Attribute
{
    public IReadOnlyList<string> Names => names;
}

/// <summary>One item.</summary>
/// <remarks>Only described: <see cref="Content.ContentReader"/> reads an item without deserializing it.</remarks>
internal sealed record ContentItemBody
{
    /// <summary>At most 64 characters, unless configured otherwise.</summary>
    public required string ContentId { get; init; }

    /// <summary>SKU or MOVIE, unless configured otherwise. Optional with contentStatus 0.</summary>
    public string? ContentType { get; init; }

    /// <summary>0 delisted, 1 listed.</summary>
    [AllowedValues(0, 1)]
    public required int ContentStatus { get; init; }

    /// <summary>
    /// A JSON object with members, or a string that holds one. Optional with contentStatus 0: the item is then delisted with the contentInfo
    /// accepted last.
    /// </summary>
    [JsonTypes("object", "string")]
    public JsonElement? ContentInfo { get; init; }

    /// <summary>A higher revision replaces a lower one. Not together with occurredAt.</summary>
    public long? Revision { get; init; }

    /// <summary>Alternative to revision: a time with a zone.</summary>
    public DateTimeOffset? OccurredAt { get; init; }
}

/// <summary>CloudEvents 1.0, JSON format.</summary>
/// <remarks>Only described: <see cref="Webhooks.WebhookEventReader"/> reads events.</remarks>
internal sealed record CloudEventBody
{
    /// <summary>The version of CloudEvents.</summary>
    [JsonPropertyName("specversion")]
    [AllowedValues("1.0")]
    public required string SpecVersion { get; init; }

    /// <summary>The event's id.</summary>
    public required string Id { get; init; }

    /// <summary>The event's source.</summary>
    public required string Source { get; init; }

    /// <summary>Any type.</summary>
    public required string Type { get; init; }

    /// <summary>The revision of an item without one.</summary>
    public DateTimeOffset? Time { get; init; }

    /// <summary>The item.</summary>
    public required ContentItemBody Data { get; init; }
}

/// <summary>Problem details (RFC 9457).</summary>
/// <remarks>Only described: <see cref="ProblemDetails"/> is what is sent.</remarks>
internal record ProblemBody
{
    /// <summary>A URI that identifies the kind of problem.</summary>
    public string? Type { get; init; }

    /// <summary>A short summary of the problem.</summary>
    public required string Title { get; init; }

    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>What is wrong in this request, and what would be right.</summary>
    public string? Detail { get; init; }

    /// <summary>URI of the resource that caused the problem.</summary>
    public string? Instance { get; init; }

    /// <summary>One entry for each violation.</summary>
    public IReadOnlyList<ProblemError>? Errors { get; init; }

    /// <summary>Code of the attempt that the problem is about: AlipayHK's resultCode, or one of the client's own.</summary>
    public string? Code { get; init; }

    /// <summary>AlipayHK's id of that attempt, for its support.</summary>
    public string? TracerId { get; init; }

    /// <summary>Id of the trace in the logs.</summary>
    public string? TraceId { get; init; }
}

/// <summary>Problem details with the outcomes of a batch's items.</summary>
internal sealed record BatchProblemBody : ProblemBody
{
    /// <summary>The outcomes of the items so far.</summary>
    public required IReadOnlyList<BatchItemResult> Items { get; init; }
}
