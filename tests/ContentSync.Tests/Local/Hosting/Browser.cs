using System.Diagnostics;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;

namespace ContentSync.Tests.Local.Hosting;

/// <summary>Headless Chromium, started for the first tab and used by all tests of a class, because its start takes seconds.</summary>
public sealed class Chromium : IDisposable
{
    public const string Program = "/usr/bin/chromium";
    public const string Driver = "/usr/bin/chromedriver";

    private readonly string _profile = Directory.CreateTempSubdirectory("contentsync-browser-").FullName;
    private ChromeDriverService? _service;
    private ChromeDriver? _driver;

    /// <summary>Opens an empty tab. Each test has a host of its own, and therefore an origin without stored data.</summary>
    /// <param name="dark">Whether the user prefers dark colours.</param>
    /// <param name="width">In CSS pixels; below 500 as on a phone.</param>
    /// <param name="height">In CSS pixels.</param>
    internal Browser Open(bool dark = false, int width = 1280, int height = 1000)
    {
        _driver ??= Start();
        return new Browser(_driver, dark, width, height);
    }

    public void Dispose()
    {
        _driver?.Quit();
        _driver?.Dispose();
        _service?.Dispose();
        Directory.Delete(_profile, recursive: true);
    }

    private ChromeDriver Start()
    {
        var options = new ChromeOptions { BinaryLocation = Program };
        options.AddArguments(
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", $"--user-data-dir={_profile}");
        options.SetLoggingPreference(LogType.Browser, LogLevel.Warning);
        _service = ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(Driver), Path.GetFileName(Driver));
        _service.SuppressInitialDiagnosticInformation = true;
        return new ChromeDriver(_service, options, TimeSpan.FromSeconds(60));
    }
}

/// <summary>A tab of the browser.</summary>
internal sealed class Browser : IDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    private readonly ChromeDriver _driver;
    private readonly string _first;

    internal Browser(ChromeDriver driver, bool dark, int width, int height)
    {
        _driver = driver;
        _first = driver.CurrentWindowHandle;
        driver.SwitchTo().NewWindow(WindowType.Tab);
        driver.ExecuteCdpCommand("Emulation.setDeviceMetricsOverride", new()
        {
            ["width"] = width,
            ["height"] = height,
            ["deviceScaleFactor"] = width < 500 ? 2 : 1,
            ["mobile"] = width < 500,
        });
        driver.ExecuteCdpCommand("Emulation.setEmulatedMedia", new()
        {
            ["features"] = new[] { new Dictionary<string, object> { ["name"] = "prefers-color-scheme", ["value"] = dark ? "dark" : "light" } },
        });
    }

    public string Address => _driver.Url;

    public string Title => _driver.Title;

    /// <summary>Warnings and errors of the page: failed scripts, and whatever its content security policy blocked.</summary>
    public IReadOnlyList<string> Complaints => [.. _driver.Manage().Logs.GetLog(LogType.Browser).Select(entry => entry.Message)];

    public void Open(Uri address) => _driver.Navigate().GoToUrl(address);

    public IWebElement Find(string css) => _driver.FindElement(By.CssSelector(css));

    public IReadOnlyList<IWebElement> All(string css) => _driver.FindElements(By.CssSelector(css));

    public object? Run(string script) => _driver.ExecuteScript(script);

    public void Save(string file) => _driver.GetScreenshot().SaveAsFile(file);

    /// <summary>Waits for a visible element that contains the text.</summary>
    public IWebElement Await(string css, string text = "") =>
        Until(
            () => All(css).FirstOrDefault(element => element.Displayed && element.Text.Contains(text, StringComparison.Ordinal)),
            $"No {css} with '{text}'");

    /// <summary>Waits until the element is no longer visible.</summary>
    public void AwaitGone(string css) => Until(() => Find(css) is { Displayed: false } gone ? gone : null, $"Still a {css}");

    private IWebElement Until(Func<IWebElement?> look, string otherwise)
    {
        var since = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                if (look() is { } found) return found;
            }
            catch (StaleElementReferenceException)
            {
                // The page replaced the element.
            }

            if (Stopwatch.GetElapsedTime(since) > Timeout)
                throw new TimeoutException($"{otherwise} after {Timeout.TotalSeconds:0} s. The page says: {Find("body").Text}");
            Thread.Sleep(50);
        }
    }

    public void Dispose()
    {
        // What this page complained about, so that it is not taken for the next one's.
        _ = Complaints;
        _driver.Close();
        _driver.SwitchTo().Window(_first);
    }
}
