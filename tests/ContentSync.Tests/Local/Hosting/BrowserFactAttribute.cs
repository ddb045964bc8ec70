namespace ContentSync.Tests.Local.Hosting;

/// <summary>A test that drives a browser; skipped, with the reason, when none is installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute()
    {
        if (!File.Exists(Chromium.Program) || !File.Exists(Chromium.Driver))
            Skip = $"Needs {Chromium.Program} and {Chromium.Driver}: apt-get install chromium chromium-driver";
    }
}
