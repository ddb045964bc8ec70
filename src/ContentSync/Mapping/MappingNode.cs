using System.Text.Json;
using ContentSync.Content;

namespace ContentSync.Mapping;

/// <summary>A value of a mapping file, with its pointer. Collects faults, so that all of them are reported at once.</summary>
internal sealed class MappingNode
{
    private readonly string _pointer;
    private readonly List<MappingFault> _faults;

    public MappingNode(JsonElement root)
        : this(root, "", [])
    {
    }

    private MappingNode(JsonElement element, string pointer, List<MappingFault> faults)
    {
        Element = element;
        _pointer = pointer;
        _faults = faults;
    }

    public JsonElement Element { get; }

    /// <summary>Of the whole file.</summary>
    public IReadOnlyList<MappingFault> Faults => _faults;

    public bool IsObject => Element.ValueKind == JsonValueKind.Object;

    public void Fault(string member, string message) =>
        _faults.Add(new MappingFault(member.Length == 0 ? _pointer : JsonPointer.Of(_pointer, member), message));

    /// <summary>Reports members that the object does not have; probably typos.</summary>
    public void Allow(params IReadOnlyCollection<string> names)
    {
        foreach (var (name, _) in Members())
        {
            if (!names.Contains(name, StringComparer.Ordinal))
                Fault(name, $"there is no such member; the members here are {string.Join(", ", names)}");
        }
    }

    public IEnumerable<(string Name, MappingNode Value)> Members() => IsObject
        ? Element.EnumerateObject().Select(member => (member.Name, Child(member.Name, member.Value)))
        : [];

    public IEnumerable<MappingNode> Elements() => Element.ValueKind == JsonValueKind.Array
        ? Element.EnumerateArray().Select((element, index) => new MappingNode(element, $"{_pointer}/{index}", _faults))
        : [];

    public MappingNode? Find(string name) =>
        IsObject && Element.TryGetProperty(name, out var value) ? Child(name, value) : null;

    public MappingNode? Object(string name) => Of(name, JsonValueKind.Object, "an object");

    public MappingNode? Array(string name) => Of(name, JsonValueKind.Array, "an array");

    public string? Text(string name, string example) => Find(name) switch
    {
        null => null,
        { Element.ValueKind: JsonValueKind.String } value when value.Element.GetString() is { Length: > 0 } text => text,
        _ => Missing(name, $"must be a text such as {example}"),
    };

    public string? RequiredText(string name, string example) =>
        Find(name) is null ? Missing(name, $"is missing; write a text such as {example}") : Text(name, example);

    public bool Flag(string name)
    {
        if (Find(name) is not { } value) return false;
        if (value.Element.ValueKind is JsonValueKind.True or JsonValueKind.False) return value.Element.GetBoolean();
        Fault(name, "must be true or false");
        return false;
    }

    public int? Number(string name, int min, int max)
    {
        if (Find(name) is not { } value) return null;
        var isNumber = value.Element.ValueKind == JsonValueKind.Number;
        if (isNumber && value.Element.TryGetInt32(out var number) && number >= min && number <= max) return number;
        Fault(name, $"must be a whole number from {min} to {max}");
        return null;
    }

    /// <summary>One of an enum's values in camel case.</summary>
    public T? Choice<T>(string name)
        where T : struct, Enum
    {
        if (Find(name) is not { } value) return null;
        var names = Enum.GetNames<T>().Select(JsonNamingPolicy.CamelCase.ConvertName).ToArray();
        var index = value.Element.ValueKind == JsonValueKind.String ? System.Array.IndexOf(names, value.Element.GetString()) : -1;
        if (index >= 0) return Enum.GetValues<T>()[index];
        Fault(name, $"must be one of {string.Join(", ", names.Select(choice => $"\"{choice}\""))}");
        return null;
    }

    private MappingNode? Of(string name, JsonValueKind kind, string expected)
    {
        if (Find(name) is not { } value) return null;
        if (value.Element.ValueKind == kind) return value;
        Fault(name, $"must be {expected}");
        return null;
    }

    private string? Missing(string name, string message)
    {
        Fault(name, message);
        return null;
    }

    private MappingNode Child(string name, JsonElement value) => new(value, JsonPointer.Of(_pointer, name), _faults);
}
