using System.Globalization;
using System.Text.Json;

namespace ContentSync.SimulatedStorage;

/// <summary>The properties of an entity as they travel: values with their type annotations, without the system properties.</summary>
internal sealed class EntityJson
{
    private const string Annotation = "@odata.type";

    private readonly Dictionary<string, (string? Type, JsonElement Value)> _properties = new(StringComparer.Ordinal);

    public int Count => _properties.Count;

    public static EntityJson Parse(ReadOnlyMemory<byte> json)
    {
        var entity = new EntityJson();
        using var document = JsonDocument.Parse(json);
        var types = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var property in document.RootElement.EnumerateObject())
        {
            if (property.Name.EndsWith(Annotation, StringComparison.Ordinal)) types[property.Name[..^Annotation.Length]] = property.Value.GetString()!;
            else if (!property.Name.StartsWith("odata.", StringComparison.Ordinal) && property.Value.ValueKind != JsonValueKind.Null)
                entity._properties[property.Name] = (null, property.Value.Clone());
        }

        foreach (var (name, type) in types)
        {
            if (entity._properties.TryGetValue(name, out var value)) entity._properties[name] = (type, value.Value);
        }

        return entity;
    }

    public string? Text(string name) => _properties.TryGetValue(name, out var property) ? property.Value.GetString() : null;

    public void Remove(string name) => _properties.Remove(name);

    /// <summary>Adds or replaces the properties of another entity.</summary>
    public void Merge(EntityJson other)
    {
        foreach (var (name, property) in other._properties) { _properties[name] = property; }
    }

    /// <summary>A value that filters can compare; null if the entity does not have the property.</summary>
    public object? Comparable(string name)
    {
        if (!_properties.TryGetValue(name, out var property)) return null;
        return property switch
        {
            { Type: "Edm.DateTime" } => Time(property.Value.GetString()!),
            { Type: "Edm.Int64" } => long.Parse(property.Value.GetString()!, CultureInfo.InvariantCulture),
            { Value.ValueKind: JsonValueKind.True or JsonValueKind.False } => property.Value.GetBoolean(),
            { Value.ValueKind: JsonValueKind.Number } => property.Value.TryGetInt64(out var whole) ? (object)whole : property.Value.GetDouble(),
            _ => property.Value.GetString(),
        };
    }

    /// <summary>Writes the properties; only those that are named, if any are.</summary>
    public void Write(Utf8JsonWriter json, HashSet<string>? select)
    {
        foreach (var (name, (type, value)) in _properties)
        {
            if (select is not null && !select.Contains(name)) continue;
            if (type is not null) json.WriteString(name + Annotation, type);
            json.WritePropertyName(name);
            value.WriteTo(json);
        }
    }

    public static DateTimeOffset Time(string text) =>
        DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);

    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            Write(json, null);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }
}
