using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Simulator;

/// <summary>Endpoints of the simulator itself, to read its items and change its faults. Under <see cref="Prefix"/>, plain JSON, unsigned.</summary>
internal sealed class SimulatorEndpoint(SimulatedGateway gateway, ContentStore store)
{
    public const string Prefix = "/simulator";

    private static readonly byte[] LineEnd = "\n"u8.ToArray();

    public Task HandleAsync(HttpContext context, PathString rest)
    {
        var parts = (rest.Value ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries);
        return (context.Request.Method, parts) switch
        {
            ("GET", ["content"]) => WriteItemsAsync(context),
            ("GET", ["content", var id]) => WriteItemAsync(context, store.Find(Unescape(id))),
            ("POST", ["content", var id, "freeze"]) => WriteItemAsync(context, store.Freeze(Unescape(id), frozen: true)),
            ("DELETE", ["content", var id, "freeze"]) => WriteItemAsync(context, store.Freeze(Unescape(id), frozen: false)),
            ("GET", ["stats"]) => WriteAsync(context, gateway.Stats, GatewayJson.Relaxed.GatewayStats),
            ("GET", ["faults"]) => WriteFaultsAsync(context),
            ("PUT", ["faults"]) => PutFaultsAsync(context),
            ("DELETE", ["faults"]) => ClearFaultsAsync(context),
            _ => WriteErrorAsync(context, StatusCodes.Status404NotFound,
                "Use GET content, GET content/{contentId}, POST or DELETE content/{contentId}/freeze, GET stats, or GET, PUT or DELETE faults."),
        };
    }

    // Kestrel decodes everything in a path except %2F.
    private static string Unescape(string id) => id.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    private async Task WriteItemsAsync(HttpContext context)
    {
        context.Response.ContentType = "application/x-ndjson";
        var output = context.Response.BodyWriter;
        foreach (var item in store.Snapshot().Values.OrderBy(item => item.ContentId, StringComparer.Ordinal))
        {
            using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { Encoder = GatewayJson.Relaxed.Options.Encoder }))
            {
                JsonSerializer.Serialize(json, item, GatewayJson.Relaxed.StoredContent);
            }

            await output.WriteAsync(LineEnd, context.RequestAborted).ConfigureAwait(false);
        }
    }

    private static Task WriteItemAsync(HttpContext context, StoredContent? item) => item is null
        ? WriteErrorAsync(context, StatusCodes.Status404NotFound, "There is no such item, or it has no template to freeze.")
        : WriteAsync(context, item, GatewayJson.Relaxed.StoredContent);

    private Task WriteFaultsAsync(HttpContext context) =>
        WriteAsync(context, new FaultsDocument(gateway.Faults.ToString()), GatewayJson.Relaxed.FaultsDocument);

    private async Task PutFaultsAsync(HttpContext context)
    {
        var (faults, error) = await ReadFaultsAsync(context).ConfigureAwait(false);
        if (faults is null)
        {
            await WriteErrorAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        gateway.Faults = faults;
        await WriteFaultsAsync(context).ConfigureAwait(false);
    }

    private static async Task<(GatewayFaults? Faults, string Error)> ReadFaultsAsync(HttpContext context)
    {
        try
        {
            var document = await JsonSerializer
                .DeserializeAsync(context.Request.Body, GatewayJson.Relaxed.FaultsDocument, context.RequestAborted)
                .ConfigureAwait(false);
            if (document?.Faults is not { } text) return (null, """Send {"faults":"..."}; """ + GatewayFaults.Grammar);
            return GatewayFaults.TryParse(text, out var faults, out var error) ? (faults, "") : (null, error);
        }
        catch (JsonException)
        {
            return (null, """Send {"faults":"..."}; """ + GatewayFaults.Grammar);
        }
    }

    private Task ClearFaultsAsync(HttpContext context)
    {
        gateway.Faults = GatewayFaults.None;
        return WriteFaultsAsync(context);
    }

    private static Task WriteErrorAsync(HttpContext context, int status, string error)
    {
        context.Response.StatusCode = status;
        return WriteAsync(context, new AdminError(error), GatewayJson.Relaxed.AdminError);
    }

    private static Task WriteAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type)
    {
        context.Response.ContentType = "application/json; charset=UTF-8";
        return JsonSerializer.SerializeAsync(context.Response.Body, value, type, context.RequestAborted);
    }
}
