using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using TraceReplay.Analysis.Nightly;
using TraceReplay.Analysis.Views;
using Xunit;

namespace TraceReplay.Analysis.Tests.Nightly;

/// <summary>From what a night found to the capture and the fault: on the page, in summary.json and in junit.xml.</summary>
public sealed class NightLeadTests : IDisposable
{
    private const string Night = "2026-11-22";
    private const string Key = "current INV-31 a name";

    private readonly FakeDataset _data = new("da ta");

    [Fact]
    public void A_new_kind_names_its_worst_captures_and_the_first_fault_in_each()
    {
        Baseline();
        Tonight("a1", "first <b>.trace.dat", "('violation', '" + Key + "', 0.25, 4)", faultAt: 3);
        Tonight("a2", "second.trace.dat", "('violation', '" + Key + "', 0.5, 4)", faultAt: 7);
        Tonight("a3", "third.trace.dat", "('violation', 'v11 INV-31 a name', 0.5, 4)", faultAt: 1);
        NightReport report = Read();
        NewKind kind = Assert.Single(report.NewKinds, k => k.Kind == Key);
        Assert.Equal([("a2", "second.trace.dat", "h one", "s", 0.5, 7L), ("a1", "first <b>.trace.dat", "h one", "s", 0.25, 3L)], kind.Leads.Select(l => (l.TraceId, l.File, l.Host, l.Scenario, l.Value!.Value, l.Fault!.Value)));

        JsonElement json = JsonDocument.Parse(SummaryJson.Text(report)).RootElement.GetProperty("new_kinds").EnumerateArray().Single(k => k.GetProperty("kind").GetString() == Key).GetProperty("worst")[0];
        Assert.Equal("tracereplay around a2 -d DATASET --fault 7", json.GetProperty("open").GetString());
        Assert.Equal("tracereplay export -d DATASET --trace a2 --fault 7 -o a2.perfetto-trace", json.GetProperty("export").GetString());
        XElement failure = XDocument.Parse(JUnitXml.Text(report)).Descendants("failure").Single(f => (string?)f.Parent!.Attribute("name") == $"violation {Key}");
        Assert.Contains("second.trace.dat (h one, s): tracereplay around a2 -d DATASET --fault 7", failure.Value, StringComparison.Ordinal);
        Assert.Equal("new kind", (string?)failure.Attribute("type"));
        string page = Page(report);
        Assert.Contains($"tracereplay around a2 -d &#x27;{_data.Root}&#x27; --fault 7", page.Replace("&#39;", "&#x27;", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("<strong>first &lt;b&gt;.trace.dat</strong>", page, StringComparison.Ordinal);
    }

    /// <summary>The same words wherever a night is told, with what the records of the misses say.</summary>
    [Fact]
    public void A_missed_outcome_is_told_alike_everywhere_with_what_the_kernel_did_instead()
    {
        const string sentence = "the kernel refused 4 of 8 faults with EFAULT that its own logic (current) maps, in 2 captures";
        Baseline();
        Tonight("a1", "one.trace.dat", "('infidelity', 'current outcome', 0.25, 4)", faultAt: 3);
        Tonight("a2", "two.trace.dat", "('infidelity', 'current outcome', 0.75, 4)", faultAt: 3);
        Misses("a1", 1);
        Misses("a2", 3);
        NightReport report = Read();
        NewKind kind = Assert.Single(report.NewKinds);
        Assert.Equal(sentence, NightText.Sentence(kind));
        Assert.Contains("new: " + sentence, NightText.Findings(report));
        Assert.Equal(sentence, JsonDocument.Parse(SummaryJson.Text(report)).RootElement.GetProperty("new_kinds")[0].GetProperty("sentence").GetString());
        XElement failure = XDocument.Parse(JUnitXml.Text(report)).Descendants("failure").Single(f => (string?)f.Attribute("type") == "new kind");
        Assert.Equal("new: " + sentence, (string?)failure.Attribute("message"));
        string page = Page(report);
        Assert.Contains(sentence, page, StringComparison.Ordinal);

        // The head has the worst capture with its command, and a capture's list has each command once.
        string command = kind.Leads[0].Command(Path.GetFullPath(report.Dataset)).Replace("'", "&#x27;", StringComparison.Ordinal);
        string safe = page.Replace("&#39;", "&#x27;", StringComparison.Ordinal);
        Assert.InRange(safe.IndexOf(command, StringComparison.Ordinal), 0, safe.IndexOf("<nav", StringComparison.Ordinal));
        string list = safe[safe.IndexOf("id=\"worst\"", StringComparison.Ordinal)..safe.IndexOf("id=\"hosts\"", StringComparison.Ordinal)];
        Assert.Equal(1, list.Split(command).Length - 1);
    }

    [Fact]
    public void The_page_has_the_command_that_made_it_and_the_one_for_this_night()
    {
        Baseline();
        Tonight("a1", "one.trace.dat", "('violation', '" + Key + "', 0.25, 4)", faultAt: 3);
        NightOptions options = new() { Inbox = "/in box", Dataset = "/d", Output = "/o", Jobs = 3 };
        Assert.Equal("tracereplay nightly --inbox '/in box' -d /d --out /o", options.Command);
        Assert.Equal(options.Command + " --scenario s --baseline-nights 3 --date 2026-11-22", (options with { Scenario = "s", BaselineNights = 3, Date = new DateOnly(2026, 11, 22) }).Command);
        string page = Page(Read() with { Command = "tracereplay nightly -d /d" });
        Assert.Contains(">tracereplay nightly -d /d<", page, StringComparison.Ordinal);
        Assert.Contains($">tracereplay nightly -d /d --date {Night}<", page, StringComparison.Ordinal);
        Assert.Equal(1, Page(Read() with { Command = $"tracereplay nightly --date {Night}" }).Split("--date").Length - 1);
    }

    [Fact]
    public void The_totals_of_junit_are_those_of_its_suites_and_no_dot_parts_a_class()
    {
        Baseline();
        Tonight("a1", "one.trace.dat", "('violation', '" + Key + "', 0.25, 4)", faultAt: 3);
        XElement root = XDocument.Parse(JUnitXml.Text(Read())).Root!;
        foreach (string total in (string[])["tests", "failures", "skipped"])
        {
            Assert.Equal(root.Elements("testsuite").Sum(s => (int)s.Attribute(total)!), (int)root.Attribute(total)!);
        }

        Assert.True((int)root.Attribute("failures")! > 0);
        Assert.All(root.Descendants("testcase"), c => Assert.DoesNotContain(".", (string)c.Attribute("classname")!, StringComparison.Ordinal));
        Assert.Contains(root.Elements("testsuite"), s => ((string)s.Attribute("name")!).Contains('.', StringComparison.Ordinal));
    }

    [Fact]
    public void A_host_has_its_nights_as_ratios_to_those_before_and_a_line_of_them()
    {
        Baseline();
        Tonight("a1", "one.trace.dat", "('latency_ns', 'p50', 3000, 100), ('outcome', 'FIXED', 0.75, 4)", faultAt: 3);
        NightReport report = Read();
        NightHost host = Assert.Single(report.EachHost);
        Assert.Equal(9, host.Latency.Count);
        Assert.Equal(3, host.Latency[^1].Value, 6);
        Assert.Equal(0.25, host.NotFixed[^1].Value, 6);
        string page = Page(report);
        Assert.Contains("3.00 times", page, StringComparison.Ordinal);
        Assert.Equal(2, page.Split("<svg class=\"spark\"").Length - 1);
    }

    [Fact]
    public void Every_anchor_of_the_contents_is_there()
    {
        Baseline();
        Tonight("a1", "one.trace.dat", "('violation', '" + Key + "', 0.25, 4)", faultAt: 3);
        string page = Page(Read());
        string[] anchors = [.. page.Split("href=\"#").Skip(1).Select(a => a.Split('"')[0])];
        Assert.NotEmpty(anchors);
        Assert.All(anchors, a => Assert.Contains($"id=\"{a}\"", page, StringComparison.Ordinal));
    }

    public void Dispose() => _data.Dispose();

    private NightReport Read()
    {
        using DatasetSession session = _data.Open();
        return NightComparison.Run(session, null, 14, (_, _) => [])!;
    }

    private static string Page(NightReport report)
    {
        using MemoryStream page = new();
        NightPage.Write(page, report);
        return Encoding.UTF8.GetString(page.ToArray());
    }

    private void Baseline()
    {
        for (int i = 1; i <= 8; i++)
        {
            Stats($"b{i}", $"2026-11-{i + 10}", $"b{i}.trace.dat", "('latency_ns', 'p50', 1000, 100), ('outcome', 'FIXED', 1, 4)");
        }
    }

    private void Tonight(string id, string file, string stats, int faultAt)
    {
        Stats(id, Night, file, stats);
        _data.Result("faults", id, $"SELECT '{id}' AS trace_id, range AS fault_id, range AS seq, range AS ts_ns, 'FIXED' AS observed_outcome FROM range(1, 10)");
        string model = stats.Contains("v11", StringComparison.Ordinal) ? "v11" : "current";
        _data.Result("violations", id, $"SELECT '{id}' AS trace_id, '{model}' AS model, 'INV-31' AS invariant, 'a name' AS name, 'violated' AS verdict, unnest([{faultAt + 1}, {faultAt}])::BIGINT AS fault_id");
    }

    private void Misses(string id, int faults) => _data.Result(
        "fidelity_misses",
        id,
        $"SELECT '{id}' AS trace_id, 'current' AS model, 'current' AS setting, 'outcome' AS quantity, range AS fault_id, range AS seq, range AS ts_ns, 0::BIGINT AS gfn, 'EFAULT' AS observed, 'FIXED' AS predicted, range >= {faults} AS lost, NULL::VARCHAR AS cause FROM range({faults + 1})");

    private void Stats(string id, string date, string file, string stats) => _data.Manifest(id, path: "/in/" + file, date: date)
        .Result("night_stats", id, string.Create(CultureInfo.InvariantCulture, $"SELECT '{id}' AS trace_id, 'c.1' AS host_class, 's' AS scenario, '6.12' AS kernel, m AS metric, k AS key, v::DOUBLE AS value, n::BIGINT AS n FROM (VALUES ('faults', 'count', 4, 4), {stats}) t(m, k, v, n)"));
}
