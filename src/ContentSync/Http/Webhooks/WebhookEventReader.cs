using System.Globalization;
using System.Text.Json;
using CloudNative.CloudEvents.Http;
using ContentSync.Content;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http.Webhooks;

/// <summary>Finds the CloudEvents in a request. Thread-safe; never throws because of what a sender sends.</summary>
public sealed class WebhookEventReader(EventReader events, ContentReader items)
{
    /// <summary>Max events per message.</summary>
    public const int MaxEvents = 5_000;

    /// <summary>Reads the item of each event, valid or not; or says what is wrong with the whole message.</summary>
    internal (IReadOnlyList<ContentReadResult> Items, string? Fault) Read(
        HttpRequest request, WebhookEventFormat format, ReadOnlyMemory<byte> body, DateTimeOffset receivedAt) => format switch
        {
            WebhookEventFormat.Batched => ReadBatch(body),
            WebhookEventFormat.Item => ([items.Read(body.Span)], null),
            WebhookEventFormat.Structured => Single(events.ReadStructured(body)),
            // The signature covers the body, but no header.
            _ => Single(events.ReadBinary(Attributes(request), request.ContentType, body, latestTime: receivedAt)),
        };

    private static (IReadOnlyList<ContentReadResult> Items, string? Fault) Single(EventReadResult read) =>
        read.Fault is { } fault ? ([], fault) : ([read.Item], null);

    // Reads event by event, so that one unreadable event does not spoil the others.
    private (IReadOnlyList<ContentReadResult> Items, string? Fault) ReadBatch(ReadOnlyMemory<byte> body)
    {
        List<ReadOnlyMemory<byte>>? batch;
        try
        {
            batch = JsonArrayText.Split(body);
        }
        catch (JsonException e)
        {
            return ([], Problem.JsonFault(e));
        }

        if (batch is null) return ([], "A batch must be a JSON array of events.");
        return batch.Count > MaxEvents
            ? ([], string.Create(CultureInfo.InvariantCulture, $"A batch may have at most {MaxEvents:N0} events; this one has {batch.Count:N0}."))
            : ([.. batch.Select((text, index) => At(index, events.ReadStructured(text).AsItem))], null);
    }

    private static ContentReadResult At(int index, ContentReadResult read)
    {
        var prefix = string.Create(CultureInfo.InvariantCulture, $"/{index}");
        return read with { Violations = [.. read.Violations.Select(violation => violation with { Pointer = prefix + violation.Pointer })] };
    }

    private static IEnumerable<KeyValuePair<string, string>> Attributes(HttpRequest request)
    {
        foreach (var (name, values) in request.Headers)
        {
            if (HttpUtilities.GetAttributeNameFromHeaderName(name) is not { } attribute) continue;
            if (values.Count != 1) throw new FormatException($"The header '{name}' is given {values.Count} times; give it once.");
            yield return KeyValuePair.Create(attribute, HttpUtilities.DecodeHeaderValue(values[0]!));
        }
    }
}
