using System.Diagnostics;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;
using OpenQA.Selenium.Chromium;

namespace ContentSync.Tests.Local.Hosting;

/// <summary>A headless browser with its own profile.</summary>
internal sealed class Browser : IDisposable
{
    public const string Program = "/usr/bin/chromium";
    public const string Driver = "/usr/bin/chromedriver";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    private readonly string _profile = Directory.CreateTempSubdirectory("contentsync-browser-").FullName;
    private readonly ChromeDriverService _service = ChromeDriverService.CreateDefaultService(
        Path.GetDirectoryName(Driver), Path.GetFileName(Driver));
    private readonly ChromeDriver _driver;

    public Browser(bool dark = false, int width = 1280, int height = 1000)
    {
        var options = new ChromeOptions { BinaryLocation = Program };
        options.AddArguments(
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", $"--user-data-dir={_profile}",
            $"--window-size={width},{height}");
        // A window of the browser is at least 500 pixels wide.
        if (width < 500)
        {
            options.EnableMobileEmulation(
                new ChromiumMobileEmulationDeviceSettings("Mozilla/5.0 (a phone)") { Width = width, Height = height, PixelRatio = 2 });
        }

        if (dark) options.AddArgument("--blink-settings=preferredColorScheme=0");
        options.SetLoggingPreference(LogType.Browser, LogLevel.Warning);
        _service.SuppressInitialDiagnosticInformation = true;
        _driver = new ChromeDriver(_service, options, TimeSpan.FromSeconds(60));
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
        _driver.Quit();
        _driver.Dispose();
        _service.Dispose();
        Directory.Delete(_profile, recursive: true);
    }
}
