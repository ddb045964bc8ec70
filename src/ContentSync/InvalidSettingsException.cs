namespace ContentSync;

/// <summary>A host cannot start with its settings. The message lists every fault.</summary>
/// <param name="faults">One or more faults, each with the setting's name and what would be right.</param>
public sealed class InvalidSettingsException(IReadOnlyList<string> faults)
    : Exception(
        $"The app cannot start: {faults.Count} of its settings {(faults.Count == 1 ? "is" : "are")} missing or wrong."
        + string.Concat(faults.Select(fault => $"{Environment.NewLine}- {fault}")))
{
    /// <summary>One or more sentences per fault, with the setting's name as the user knows it.</summary>
    public IReadOnlyList<string> Faults { get; } = faults;
}
