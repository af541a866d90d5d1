using System.Text.Json;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>A headless Chromium that says what a page asked for and complained about.</summary>
internal sealed class Browser : IDisposable
{
    private readonly ChromeDriver _driver;

    private Browser(string chromium, string driver)
    {
        var options = new ChromeOptions { BinaryLocation = chromium };
        options.AddArguments("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars");
        options.SetLoggingPreference(LogType.Browser, LogLevel.All);
        options.SetLoggingPreference("performance", LogLevel.All);
        _driver = new ChromeDriver(ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(driver)!, Path.GetFileName(driver)), options);
    }

    /// <summary>Skips the test, and says why, where there is no browser.</summary>
    public static Browser Start()
    {
        (string? chromium, string? driver) = (Find("chromium"), Find("chromedriver"));
        if (chromium is null || driver is null)
        {
            Console.WriteLine("chromium or chromedriver is not installed: the report's pictures are not looked at");
            Assert.Skip("chromium or chromedriver is not installed (Debian: chromium-driver)");
        }

        return new Browser(chromium, driver);
    }

    public void Open(string file, int width, bool dark)
    {
        _driver.ExecuteCdpCommand("Emulation.setDeviceMetricsOverride", new Dictionary<string, object?> { ["width"] = width, ["height"] = 900, ["deviceScaleFactor"] = 1, ["mobile"] = false });
        _driver.ExecuteCdpCommand("Emulation.setEmulatedMedia", new Dictionary<string, object?>
        {
            ["features"] = new[] { new Dictionary<string, object?> { ["name"] = "prefers-color-scheme", ["value"] = dark ? "dark" : "light" } },
        });
        _driver.Navigate().GoToUrl(new Uri(file).AbsoluteUri);
    }

    public T Ask<T>(string script) => (T)((IJavaScriptExecutor)_driver).ExecuteScript(script)!;

    /// <summary>Titles of the page's pictures that show nothing: a picture is drawn when its canvas holds more than one colour.</summary>
    public string Undrawn() => Ask<string>("""
        window.dispatchEvent(new Event('beforeprint'));
        return [...document.querySelectorAll('figure.chart')].filter(figure => {
            const canvas = figure.querySelector('canvas');
            if (!canvas) return true;
            const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
            return pixels.every(p => p === pixels[0]);
        }).map(figure => figure.querySelector('h4').textContent).join(', ');
        """);

    public IReadOnlyList<string> Complaints() => [.. _driver.Manage().Logs.GetLog(LogType.Browser).Select(e => e.Message)];

    /// <summary>Every address that was asked for, the page's own among them.</summary>
    public IReadOnlyList<string> Requests() => [.. _driver.Manage().Logs.GetLog("performance")
        .Select(e => JsonDocument.Parse(e.Message).RootElement.GetProperty("message"))
        .Where(m => m.GetProperty("method").GetString() == "Network.requestWillBeSent")
        .Select(m => m.GetProperty("params").GetProperty("request").GetProperty("url").GetString()!)];

    public void Dispose() => _driver.Dispose();

    private static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
}
