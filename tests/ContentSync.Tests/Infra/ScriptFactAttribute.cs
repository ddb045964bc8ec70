namespace ContentSync.Tests.Infra;

/// <summary>A test that runs a script; skipped with a reason if a tool is missing or differs from the one on Linux.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ScriptFactAttribute : FactAttribute
{
    public ScriptFactAttribute(params string[] tools) => Skip = Tools.Missing(tools);
}

/// <summary>As <see cref="ScriptFactAttribute"/>, with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ScriptTheoryAttribute : TheoryAttribute
{
    public ScriptTheoryAttribute(params string[] tools) => Skip = Tools.Missing(tools);
}

internal static class Tools
{
    public static string? Missing(string[] tools)
    {
        if (OperatingSystem.IsWindows()) return "The scripts are for bash on Linux and macOS.";

        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        var missing = tools.FirstOrDefault(tool => !folders.Any(folder => File.Exists(Path.Combine(folder, tool))));
        return missing is null ? null : $"{missing} is not installed.";
    }
}
