namespace ContentSync.Tests.Local.Hosting;

/// <summary>A test that drives a browser; skipped, with the reason, when none is installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute()
    {
        if (!File.Exists(Browser.Program) || !File.Exists(Browser.Driver))
            Skip = $"Needs {Browser.Program} and {Browser.Driver}: apt-get install chromium chromium-driver";
    }
}
