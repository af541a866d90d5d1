using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>The report as a person meets it: made by the program, opened in a browser.</summary>
public class ReportTests(SampleDataset samples)
{
    [Fact]
    public void Every_picture_is_drawn_nothing_is_asked_for_and_the_console_is_silent()
    {
        using var scratch = new Scratch();
        string page = scratch["report.html"];
        Assert.Equal(0, samples.Run("report", "-q", "-d", samples.Root, "-o", page).Code);
        using Browser browser = Browser.Start();
        foreach ((int width, bool dark) in (ReadOnlySpan<(int, bool)>)[(390, false), (390, true), (1280, false), (1280, true)])
        {
            browser.Open(page, width, dark);
            Assert.Equal("", browser.Undrawn());
            Assert.Equal("", browser.Ask<string>("""
                return [...document.querySelectorAll('figure.chart')].filter(figure => {
                    const [legend] = echarts.getInstanceByDom(figure.querySelector('.plot')).getOption().legend;
                    return legend.show && legend.type === 'scroll';
                }).map(figure => figure.querySelector('h4').textContent).join(', ');
                """));
            Assert.True(browser.Ask<long>("return document.querySelectorAll('figure.chart').length") >= 15);
            Assert.Equal(width, browser.Ask<long>("return document.documentElement.scrollWidth"));
            Assert.Equal(dark ? "rgb(20, 23, 27)" : "rgb(255, 255, 255)", browser.Ask<string>("return getComputedStyle(document.body).backgroundColor"));
        }

        Assert.Empty(browser.Complaints());
        Assert.All(browser.Requests(), url => Assert.True(url == new Uri(page).AbsoluteUri || url.StartsWith("data:,", StringComparison.Ordinal), url));
    }

    [Fact]
    public void Two_reports_of_one_dataset_are_equal_to_the_byte()
    {
        using var scratch = new Scratch();
        string[] pages = [scratch["one.html"], scratch["other.html"]];
        Assert.All(pages, page => Assert.Equal(0, samples.Run("report", "-q", "-d", samples.Root, "-o", page).Code));
        Assert.True(File.ReadAllBytes(pages[0]).AsSpan().SequenceEqual(File.ReadAllBytes(pages[1])), "the pages differ");
    }

    [Fact]
    public void A_hostile_file_name_runs_no_script()
    {
        using var scratch = new Scratch();
        string capture = scratch["<img src=x onerror=document.title='owned'>.dat"];
        File.Copy(Path.Combine(Tool.Samples, "6.12-mmio.trace.dat"), capture);
        string page = scratch["report.html"];
        Assert.Equal(0, scratch.Run("run", "-q", capture, "--report", page).Code);
        Assert.Empty(scratch.LeftBehind());
        using Browser browser = Browser.Start();
        browser.Open(page, 1280, dark: false);
        Assert.Equal("", browser.Undrawn());
        Assert.Equal(0, browser.Ask<long>("return document.images.length"));
        Assert.StartsWith("TraceReplay: <img", browser.Ask<string>("return document.title"), StringComparison.Ordinal);
        Assert.Empty(browser.Complaints());
    }

    [Fact]
    public void The_verdict_comes_first_and_counts_every_sample()
    {
        using var scratch = new Scratch();
        Assert.Equal(0, samples.Run("report", "-q", "-d", samples.Root, "-o", scratch["r.html"]).Code);
        string page = File.ReadAllText(scratch["r.html"]);
        long faults = samples.Query("SELECT count(*) AS n FROM faults")[0].GetProperty("n").GetInt64();
        string verdict = FormattableString.Invariant($"The model did what the kernel did in {faults:N0} of {faults:N0} faults that it decides (100&#xA0;%). This covers 100&#xA0;% of {faults:N0} faults.");
        Assert.InRange(page.IndexOf(verdict, StringComparison.Ordinal), 0, page.IndexOf("<h2>", StringComparison.Ordinal));
        Assert.InRange(new FileInfo(scratch["r.html"]).Length, 0, 4_000_000);
    }

    [Fact]
    public void A_page_that_cannot_be_written_is_one_line_and_leaves_nothing()
    {
        ToolResult result = samples.Run("report", "-d", samples.Root, "-o", "/nowhere/at/all/r.html");
        Assert.Equal(4, result.Code);
        Assert.Single(result.ErrorLines);
    }
}
