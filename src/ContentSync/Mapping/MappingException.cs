namespace ContentSync.Mapping;

/// <summary>A mapping file cannot be used. The message names the file and lists every fault on a line of its own.</summary>
public sealed class MappingException(string file, IReadOnlyList<MappingFault> faults)
    : Exception($"The mapping '{file}' cannot be used:\n{string.Join('\n', faults.Select(fault => $"  {fault}"))}")
{
    public IReadOnlyList<MappingFault> Faults { get; } = faults;
}

/// <summary>A fault of a mapping file.</summary>
/// <param name="Pointer">JSON pointer (RFC 6901) to the value; empty for the whole file.</param>
/// <param name="Message">What is wrong, and the correct form.</param>
public sealed record MappingFault(string Pointer, string Message)
{
    public override string ToString() => $"{(Pointer.Length == 0 ? "(file)" : Pointer)}: {Message}";
}
