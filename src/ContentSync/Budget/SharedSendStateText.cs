using System.Text.Json;
using ContentSync.Diagnostics;

namespace ContentSync.Budget;

/// <summary>The document as text, as every store keeps it.</summary>
public static class SharedSendStateText
{
    /// <summary>Writes a document as JSON.</summary>
    public static string Write(SharedSendState state) => JsonSerializer.Serialize(state, SharedSendStateJson.Default.SharedSendState);

    /// <summary>Reads what this or an earlier version wrote.</summary>
    /// <param name="json">The text.</param>
    /// <param name="format">Its format; null for the first one.</param>
    /// <param name="place">Where it is stored, as the subject of a sentence.</param>
    /// <exception cref="SendStateUnavailableException">It is no such document, or a newer version wrote it.</exception>
    public static SharedSendState Read(string json, int? format, string place)
    {
        if (StoredFormat.Fault(place, format) is { } fault) throw new SendStateUnavailableException(fault);
        try
        {
            return JsonSerializer.Deserialize(json, SharedSendStateJson.Default.SharedSendState) ?? new SharedSendState();
        }
        catch (JsonException e)
        {
            throw new SendStateUnavailableException($"{place} cannot be read. Delete it: leases, a pause and a rate set by hand are lost.", e);
        }
    }
}
