using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Catalog;
using ContentSync.Resync.Lanes;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Resync;

/// <summary>
/// The messages that the app sends to itself on the resync queue. A pack goes to its lane's session. A step continues a run; it goes to a
/// session of its source, so that only one instance at a time continues it. <see cref="MessageContract.SchemaProperty"/> distinguishes
/// them.
/// </summary>
public static class ResyncMessages
{
    /// <summary>
    /// Schema of a pack: <c>{"run":"…","lane":3,"number":12,"items":[["contentId","requestId"],["contentId","requestId",2]]}</c>; the third
    /// element is a <see cref="PackItemStatus"/>, absent if the item is pending.
    /// </summary>
    public const string PackSchema = "resync-pack";

    /// <summary>Schema of a step: <c>{"source":"…","run":"…","number":59020413}</c>.</summary>
    public const string StepSchema = "resync-run";

    /// <summary>
    /// Steps are scheduled on the points of this grid, and their MessageIds contain the point. A run that was scheduled more than once has
    /// more than one step in progress; their successors fall on the same point, and the broker's duplicate detection drops all but one.
    /// </summary>
    private static readonly TimeSpan Grid = TimeSpan.FromSeconds(30);

    private static readonly Dictionary<string, object> PackProperties = Properties(PackSchema);
    private static readonly Dictionary<string, object> StepProperties = Properties(StepSchema);

    /// <summary>A message with a pack, for its lane.</summary>
    /// <param name="pack">The items to send.</param>
    /// <param name="hop">Number of copies made before this one.</param>
    /// <param name="delay">Earliest delivery, from now.</param>
    public static OutgoingMessage Pack(ResyncPack pack, int hop, TimeSpan delay)
    {
        var id = string.Create(CultureInfo.InvariantCulture, $"{pack.RunId}/{pack.Lane}/{pack.Number}");
        var properties = hop == 0 ? PackProperties : new Dictionary<string, object>(PackProperties) { [MessageContract.HopProperty] = hop };
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new PackBody(pack.RunId, pack.Lane, pack.Number, pack.Items), ResyncMessageJson.Compact.PackBody);
        var messageId = hop == 0 ? id : string.Create(CultureInfo.InvariantCulture, $"{id}/{hop}");
        return new OutgoingMessage(messageId, body, "application/json", properties, delay)
        {
            SessionId = pack.Lane.ToString(CultureInfo.InvariantCulture),
        };
    }

    /// <summary>The first step of a run, without delay.</summary>
    public static OutgoingMessage FirstStep(ResyncRun run, DateTimeOffset now) =>
        Step(new StepBody(run.Source, run.RunId, now.UtcTicks / Grid.Ticks), TimeSpan.Zero);

    /// <summary>The step after <paramref name="step"/>, on the first point of the grid after <paramref name="delay"/>.</summary>
    internal static OutgoingMessage NextStep(StepBody step, string runId, TimeSpan delay, DateTimeOffset now)
    {
        var point = (now.UtcTicks + delay.Ticks + Grid.Ticks - 1) / Grid.Ticks;

        // The id must be new even if the clock was set back meanwhile.
        return Step(new StepBody(step.Source, runId, Math.Max(point, step.Number + 1)), TimeSpan.FromTicks((point * Grid.Ticks) - now.UtcTicks));
    }

    /// <summary>The content of a message; null if it is not one of the app's own.</summary>
    internal static ResyncMessage? Read(QueueMessage message)
    {
        var schema = message.Properties.TryGetValue(MessageContract.SchemaProperty, out var value) ? value as string : null;
        if (schema is not (PackSchema or StepSchema)) return null;
        if (message.Properties.TryGetValue(MessageContract.SchemaVersionProperty, out var version) && version is not MessageContract.SchemaVersion)
        {
            return new ResyncMessage.Invalid(
                $"The application property {MessageContract.SchemaVersionProperty} is '{version}'; "
                + $"this app reads version {MessageContract.SchemaVersion}.");
        }
        try
        {
            return schema == PackSchema ? ReadPack(message) : ReadStep(message);
        }
        catch (JsonException e)
        {
            return new ResyncMessage.Invalid($"The body of a {schema} cannot be read: {e.Message}");
        }
    }

    private static ResyncMessage ReadPack(QueueMessage message)
    {
        var body = JsonSerializer.Deserialize((message.Body ?? default).Span, ResyncMessageJson.Compact.PackBody);
        return body is { Lane: >= 0, Number: >= 0, Items.Count: > 0 } && IsRunId(body.Run)
            ? new ResyncMessage.Pack(new ResyncPack(body.Run, body.Lane, body.Number, body.Items), message.Hop())
            : new ResyncMessage.Invalid($"The body of a {PackSchema} must be a JSON object with run, lane, number and at least one item in items.");
    }

    private static ResyncMessage ReadStep(QueueMessage message)
    {
        var body = JsonSerializer.Deserialize((message.Body ?? default).Span, ResyncMessageJson.Compact.StepBody);
        return body is { Source.Length: > 0, Number: >= 0 and < long.MaxValue } && IsRunId(body.Run)
            ? new ResyncMessage.Step(body)
            : new ResyncMessage.Invalid($"The body of a {StepSchema} must be a JSON object with source, run and number.");
    }

    // The run id becomes part of ids and keys.
    private static bool IsRunId(string run) => run.Length is > 0 and <= 64 && run.All(char.IsAsciiLetterOrDigit);

    private static OutgoingMessage Step(StepBody step, TimeSpan delay) => new(
        string.Create(CultureInfo.InvariantCulture, $"{step.Run}/run/{step.Number}"),
        JsonSerializer.SerializeToUtf8Bytes(step, ResyncMessageJson.Compact.StepBody),
        "application/json",
        StepProperties,
        delay)
    {
        SessionId = $"run-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(step.Source)).AsSpan(0, 8))}",
    };

    private static Dictionary<string, object> Properties(string schema) => new()
    {
        [MessageContract.SchemaProperty] = schema,
        [MessageContract.SchemaVersionProperty] = MessageContract.SchemaVersion,
    };
}

/// <summary>One of the app's own messages on the resync queue.</summary>
internal abstract record ResyncMessage
{
    private ResyncMessage()
    {
    }

    /// <param name="Content">The pack.</param>
    /// <param name="Hop">Number of copies made before this one.</param>
    public sealed record Pack(ResyncPack Content, int Hop) : ResyncMessage;

    public sealed record Step(StepBody Body) : ResyncMessage;

    /// <param name="Fault">What is wrong and what would be right.</param>
    public sealed record Invalid(string Fault) : ResyncMessage;
}

/// <summary>Body of a pack.</summary>
internal sealed record PackBody(string Run, int Lane, long Number, IReadOnlyList<PackItem> Items);

/// <summary>Body of a step.</summary>
/// <param name="Source"><see cref="ICatalogSource.Name"/>.</param>
/// <param name="Run">The run in progress when the step was sent.</param>
/// <param name="Number">Greater than that of the preceding step.</param>
internal sealed record StepBody(string Source, string Run, long Number);

[JsonSerializable(typeof(PackBody))]
[JsonSerializable(typeof(StepBody))]
internal sealed partial class ResyncMessageJson : JsonSerializerContext
{
    /// <summary>Does not escape ids in other scripts, so they stay short.</summary>
    public static ResyncMessageJson Compact { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new PackItemConverter() },
    });
}

/// <summary>An item as an array without member names: a message holds dozens of them.</summary>
internal sealed class PackItemConverter : JsonConverter<PackItem>
{
    public override PackItem Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw Fault();
        var contentId = Text(ref reader);
        var requestId = Text(ref reader);
        var status = PackItemStatus.Pending;
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number)
        {
            if (!reader.TryGetInt32(out var number) || !Enum.IsDefined((PackItemStatus)number)) throw Fault();
            status = (PackItemStatus)number;
            reader.Read();
        }

        return reader.TokenType == JsonTokenType.EndArray && contentId.Length > 0 ? new PackItem(contentId, requestId, status) : throw Fault();
    }

    public override void Write(Utf8JsonWriter writer, PackItem value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        writer.WriteStringValue(value.ContentId);
        writer.WriteStringValue(value.RequestId);
        if (value.Status != PackItemStatus.Pending) writer.WriteNumberValue((int)value.Status);
        writer.WriteEndArray();
    }

    private static string Text(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw Fault();

    private static JsonException Fault() => new("an item must be an array of contentId, requestId and, if it is not pending, its status");
}
