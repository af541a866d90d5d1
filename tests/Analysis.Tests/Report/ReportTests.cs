using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using TraceReplay.Analysis.Report;
using TraceReplay.Analysis.Report.Sections;
using TraceReplay.Analysis.Summary;
using TraceReplay.Analysis.Views;
using Xunit;

namespace TraceReplay.Analysis.Tests.Report;

public partial class ReportTests
{
    private const string Hostile = "</script><img src=x onerror=alert(1)>";

    [Fact]
    public void Nothing_of_a_trace_becomes_markup()
    {
        using FakeDataset data = ReplayedDataset.Create(path: "/somewhere/" + Hostile.Replace("</", "<", StringComparison.Ordinal));
        HostileFaults(data);
        string page = Page(data, ReplayedDataset.Id);
        Assert.Contains("script\\u003E\\u003Cimg", page, StringComparison.Ordinal);
        Assert.Contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<img", Content(page), StringComparison.OrdinalIgnoreCase);
        foreach (Match json in DataScripts().Matches(page))
        {
            Assert.DoesNotContain('<', json.Groups[1].Value);
            Assert.True(JsonDocument.Parse(json.Groups[1].Value).RootElement.TryGetProperty("rows", out _));
        }

        Assert.Equal(Figures().Count(page), DataScripts().Count(page));
    }

    /// <summary>Without scripts, in a mail, in a screenshot of the whole page: each picture is there as it was written.</summary>
    [Fact]
    public void Every_picture_is_there_without_scripts()
    {
        using FakeDataset data = ReplayedDataset.Create(path: "/somewhere/" + Hostile.Replace("</", "<", StringComparison.Ordinal));
        HostileFaults(data);
        string[] figures = [.. Page(data, ReplayedDataset.Id).Split("<figure class=\"chart\"").Skip(1).Select(f => f[..f.IndexOf("</figure>", StringComparison.Ordinal)])];
        Assert.NotEmpty(figures);
        Assert.All(figures, figure =>
        {
            bool empty = JsonDocument.Parse(DataScripts().Match(figure).Groups[1].Value).RootElement.GetProperty("rows").GetArrayLength() == 0;
            Match svg = StaticSvg().Match(figure);
            Assert.Equal(!empty, svg.Success);
            Assert.True(empty || svg.Value.Contains("<rect", StringComparison.Ordinal) || svg.Value.Contains("<circle", StringComparison.Ordinal) || svg.Value.Contains("<polyline", StringComparison.Ordinal), figure);
            Assert.DoesNotContain("NaN", svg.Value, StringComparison.Ordinal);
            Assert.Equal("svg", svg.Success ? System.Xml.Linq.XElement.Parse(svg.Value).Name.LocalName : "svg");
        });
    }

    [Fact]
    public void The_policy_lets_our_scripts_run_and_nothing_else()
    {
        using FakeDataset data = ReplayedDataset.Create();
        string page = Page(data, ReplayedDataset.Id);
        string policy = Policy().Match(page).Groups[1].Value.Replace("&#x27;", "'", StringComparison.Ordinal).Replace("&#x2B;", "+", StringComparison.Ordinal);
        Assert.StartsWith("default-src 'none';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        string[] inline = [.. InlineScripts().Matches(page).Concat(Styles().Matches(page)).Select(m => m.Groups[1].Value)];
        Assert.Equal(6, inline.Length);
        Assert.All(inline, text => Assert.Contains($"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}'", policy, StringComparison.Ordinal));
        Assert.DoesNotMatch(Outside(), Content(page));
    }

    [Fact]
    public void A_capture_without_faults_is_said_to_show_nothing()
    {
        using var data = new FakeDataset();
        data.Manifest("eeeeeeeeeeeeeeee", lost: 3, complete: false);
        string page = Page(data, "eeeeeeeeeeeeeeee");
        Assert.Contains("This capture shows no KVM page fault, so nothing can be said of the models.", page, StringComparison.Ordinal);
        Assert.Contains("The capture lost records. The capture is damaged: only what was complete before the damage is here.", page, StringComparison.Ordinal);
        Assert.DoesNotContain("100&#xA0;%", Content(page), StringComparison.Ordinal);
        Assert.Equal(0, Figures().Count(page));
    }

    [Fact]
    public void What_is_not_there_is_said_in_words()
    {
        using FakeDataset data = ReplayedDataset.Create();
        string page = Page(data, ReplayedDataset.Id);
        Assert.All(
            (string[])[
                "The capture shows no invalidation window.", "No fault has both a time and a host address", "The capture does not show when a fault ended",
                "Not counted yet: `tracereplay cost -d DATASET --trace cccccccccccccccc` fills this part.", "No invariant was checked.",
            ],
            words => Assert.Contains(words, page, StringComparison.Ordinal));
    }

    [Fact]
    public void An_empty_dataset_is_no_failure()
    {
        using var data = new FakeDataset();
        Assert.Contains("There is no capture in this dataset.", Page(data), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(6, 0, 0, 0, 0, 0L, "agrees")]
    [InlineData(4, 2, 0, 0, 0, 0L, "agrees")]
    [InlineData(5, 0, 1, 0, 0, 0L, "does not agree")]
    [InlineData(5, 0, 0, 1, 0, 0L, "misses behind lost records")]
    [InlineData(6, 0, 0, 0, 3, 0L, "agrees, in part")]
    [InlineData(6, 0, 0, 0, 0, 1L, "agrees, in part")]
    [InlineData(6, 0, 0, 0, 0, null, "agrees, in part")]
    [InlineData(0, 0, 0, 0, 6, 0L, "not checked")]
    [InlineData(0, 0, 0, 0, 0, 0L, "no faults")]
    public void A_verdict_is_no_better_than_its_evidence(long matched, long inSet, long missed, long missedBehindLoss, long unknown, long? lost, string word)
    {
        var summary = new TraceSummary
        {
            Trace = new CapturedTrace("id", "x.dat", "trace.dat", "7.2.12+deb13-amd64", "x86_64", "mono", "ns", 2, 0, 1, 10, lost, true),
            Faults = matched + inSet + missed + missedBehindLoss + unknown,
            Fidelity = [new FidelityLine("merged", "7.x", FidelityLine.Outcome) { Matched = matched, InSet = inSet, Missed = missed, Lost = missedBehindLoss, Unknown = unknown }],
            Outcomes = [],
            Divergences = [],
            Assumptions = [],
        };
        Verdict verdict = Verdict.Of(summary);
        Assert.Equal(word, verdict.Word);
        Assert.Equal(matched > 0, verdict.Sentence.Contains($"did what this 7.2.12 kernel did in {matched} of {matched + missed} faults", StringComparison.Ordinal));
        Assert.Equal(matched > 0, verdict.Sentence.Contains(" This covers ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_page_is_bounded_whatever_the_trace_holds()
    {
        using FakeDataset data = ReplayedDataset.Create();
        data.Result("faults", ReplayedDataset.Id, $"""
            SELECT '{ReplayedDataset.Id}' AS trace_id, range AS fault_id, range AS seq, 1000 + range * 977 AS ts_ns, (range * 7919 % 5000000)::UBIGINT AS gfn,
                   ((range * 7919 % 5000000) << 12)::UBIGINT AS hva, 'P4' AS page_kind, ['FIXED', 'RETRY', 'EFAULT'][range % 3 + 1] AS observed_outcome, range % 100000 AS latency_ns
            FROM range(1000000)
            """);
        string page = Page(data, ReplayedDataset.Id);
        Assert.InRange(page.Length, 0, 3_000_000);
        Assert.Matches("[0-9,]+ faults are not on it, for want of a host address", page);
    }

    [Fact]
    public void Every_anchor_of_the_contents_is_there_and_stands_once()
    {
        using FakeDataset data = ReplayedDataset.Create().Add("dddddddddddddddd", "/somewhere/other.dat");
        foreach (string page in (string[])[Page(data, ReplayedDataset.Id), Page(data, ReplayedDataset.Id, "dddddddddddddddd")])
        {
            string content = Content(page);
            string[] anchors = [.. Anchors().Matches(content).Select(m => m.Groups[1].Value)];
            Assert.Contains("found", anchors);
            Assert.Contains("t-" + ReplayedDataset.Id, anchors);
            Assert.All(anchors.Distinct(), a => Assert.Equal(2, content.Split($"id=\"{a}\"").Length));
        }
    }

    [Fact]
    public void The_head_says_what_made_the_page_from_what_and_the_verdict_in_words()
    {
        using FakeDataset data = ReplayedDataset.Create();
        string head = Page(data, ReplayedDataset.Id).Split("</header>")[0];
        Assert.Contains(TraceReplay.Ingest.Dataset.DatasetFormat.Program.Split('+')[0], head, StringComparison.Ordinal);
        Assert.Contains("tracereplay report -d &#x27;da ta&#x27; -o x.html", head.Replace("&#39;", "&#x27;", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("Linux 6.12.95 did not do what its own logic says", head, StringComparison.Ordinal);
    }

    /// <summary>What the kernel and all models refuse alike has not the colour of what only one refuses.</summary>
    [Theory]
    [InlineData("EFAULT", true)]
    [InlineData("FIXED", false)]
    public void A_refusal_that_all_agree_on_has_a_colour_of_its_own(string other, bool alike)
    {
        using var data = new FakeDataset();
        data.Manifest(ReplayedDataset.Id)
            .Result("faults", ReplayedDataset.Id, $"SELECT '{ReplayedDataset.Id}' AS trace_id, range AS fault_id, 'N' AS page_kind, 'EFAULT' AS observed_outcome FROM range(1, 5)")
            .Result("outcomes", ReplayedDataset.Id, $"SELECT '{ReplayedDataset.Id}' AS trace_id, range AS fault_id, model, '6.12' AS setting, outcome, 'N' AS page_kind FROM range(1, 5), (VALUES ('current', 'EFAULT'), ('merged', '{other}')) m(model, outcome)");
        string page = Page(data, ReplayedDataset.Id);
        Assert.Equal(alike, page.Contains("\"EFAULT in all\",4", StringComparison.Ordinal));
        Assert.Contains("Guest pages refused as they must be", page, StringComparison.Ordinal);
    }

    /// <summary>On paper nothing can be hovered over: the steps of a fault have numbers in the picture, and names below it.</summary>
    [Fact]
    public void The_steps_of_a_fault_are_named_below_its_picture()
    {
        using FakeDataset data = ReplayedDataset.Create();
        string manifest = Path.Combine(data.Root, "traces", "manifests", ReplayedDataset.Id + ".json");
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace("\"host\": \"h\"", "\"host\": \"h one\"", StringComparison.Ordinal));
        data.Result("faults", ReplayedDataset.Id, $"SELECT '{ReplayedDataset.Id}' AS trace_id, 2::BIGINT AS fault_id, 10::BIGINT AS seq, 12::BIGINT AS end_seq, 5000::BIGINT AS ts_ns, 4000::BIGINT AS latency_ns, 7 AS pid, 'P4' AS page_kind, 'EFAULT' AS observed_outcome")
            .Event("kvm.kvm_page_fault", ReplayedDataset.Id, $"SELECT '{ReplayedDataset.Id}' AS trace_id, 10::BIGINT AS seq, 5000::BIGINT AS ts_ns, 0 AS cpu, 7 AS pid, 'vcpu' AS comm")
            .Event("kvm.kvm_fpu", ReplayedDataset.Id, $"SELECT '{ReplayedDataset.Id}' AS trace_id, unnest([11, 12, 13])::BIGINT AS seq, unnest([6000, 7000, 8000])::BIGINT AS ts_ns, 0 AS cpu, unnest([7, 8, 7]) AS pid, 'vcpu' AS comm");
        string page = Page(data, ReplayedDataset.Id);
        string steps = page.Split("<ol class=\"steps\">")[1].Split("</ol>")[0];
        Assert.Equal(["kvm_page_fault", "kvm_fpu"], Codes().Matches(steps).Select(m => m.Groups[1].Value));
        string picture = StaticSvg().Match(page[page.IndexOf("The events around it", StringComparison.Ordinal)..]).Value;
        Assert.Equal(["1", "2"], System.Xml.Linq.XElement.Parse(picture).Elements("text").Select(t => t.Value).Where(t => t.Length == 1));
    }

    /// <summary>The head of one capture and each chapter begin with what <c>run</c> prints.</summary>
    [Fact]
    public void The_verdict_of_run_comes_first_at_the_head_and_in_each_chapter()
    {
        using FakeDataset data = ReplayedDataset.Create().Add("dddddddddddddddd", "/somewhere/other.dat");
        string[] ids = [ReplayedDataset.Id, "dddddddddddddddd"];
        using DatasetSession session = data.Open();
        string[] verdicts = [.. SummaryReader.Read(session, ids).Select(VerdictText.Of)];
        var printed = new StringWriter();
        new SummaryWriter(printed, null, 100_000).Write(SummaryReader.Read(session, ids));
        Assert.All(verdicts, verdict => Assert.Contains(verdict, printed.ToString(), StringComparison.Ordinal));
        Assert.Equal([verdicts[0], verdicts[0]], Verdicts(Page(data, ids[0])));
        string page = Page(data, ids);
        Assert.Equal(verdicts, Verdicts(page).Skip(1));
        Assert.All(ids, id => Assert.StartsWith("<p class=\"verdict\">", page.Split($"id=\"t-{id}\"")[1].Split("</h2>")[1].TrimStart(), StringComparison.Ordinal));
        Assert.StartsWith("In 0 of 2 captures the kernel did what its own logic says", Verdicts(page)[0], StringComparison.Ordinal);
        Assert.Contains("It did not in 6.12-ttm.trace.dat and other.dat (2 faults", Verdicts(page)[0], StringComparison.Ordinal);
        Assert.Contains("4 faults were refused with EFAULT, in 2 captures.", Verdicts(page)[0], StringComparison.Ordinal);
    }

    /// <summary>One cause is one entry, which says what each model does; the captures of another kernel are in it.</summary>
    [Fact]
    public void A_cause_is_told_once_whatever_pairs_of_models_and_captures_have_it()
    {
        using FakeDataset data = ReplayedDataset.Create().Add("dddddddddddddddd", "/somewhere/other.dat");
        string found = Found(Page(data, ReplayedDataset.Id, "dddddddddddddddd"));
        Assert.Contains(": current EFAULT; v11 FIXED; merged FIXED.", found, StringComparison.Ordinal);
        Assert.Equal(2, found.Split("needs a reference on every page").Length);
        Assert.Contains("4 faults end differently on P4 pages", found, StringComparison.Ordinal);
    }

    [Fact]
    public void Faults_that_would_not_have_come_stand_apart_and_have_no_colour()
    {
        using FakeDataset data = ReplayedDataset.Create();
        data.Result("divergences", ReplayedDataset.Id, $"""
            SELECT '{ReplayedDataset.Id}' AS trace_id, fault_id::BIGINT AS fault_id, model_a, model_b, outcome_a, outcome_b, kind AS page_kind, 'why ' || kind AS cause
            FROM (VALUES (2, 'current', 'v11', 'EFAULT', 'FIXED', 'P4'), (2, 'current', 'merged', 'EFAULT', 'FIXED', 'P4'),
                         (4, 'current', 'merged', 'FIXED', 'SPURIOUS', 'GUP'), (4, 'v11', 'merged', 'FIXED', 'SPURIOUS', 'GUP')) d(fault_id, model_a, model_b, outcome_a, outcome_b, kind)
            """);
        string found = Found(Page(data, ReplayedDataset.Id));
        string[] parts = found.Split("id=\"spared\"");
        Assert.Equal(2, parts.Length);
        Assert.DoesNotContain("SPURIOUS", parts[0], StringComparison.Ordinal);
        Assert.Contains("current EFAULT; v11 FIXED; merged FIXED.", parts[0], StringComparison.Ordinal);
        Assert.Contains("<li><strong>merged would not have had 1 fault on GUP pages</strong>", parts[1], StringComparison.Ordinal);
        Assert.Contains(": current FIXED; v11 FIXED; merged SPURIOUS.", parts[1], StringComparison.Ordinal);
        Assert.DoesNotContain("class=\"warn\"", parts[1], StringComparison.Ordinal);
        Assert.Equal(2, parts[1].Split("<strong>").Length);
    }

    private static string Found(string page) => page.Split("id=\"found\"")[1].Split("</section>")[0];

    private static string[] Verdicts(string page) =>
        [.. VerdictParagraphs().Matches(page).Select(m => System.Net.WebUtility.HtmlDecode(Tags().Replace(m.Groups[1].Value, "")).Replace('\u00a0', ' ').Replace("\n", "", StringComparison.Ordinal))];

    private static void HostileFaults(FakeDataset data)
    {
        string manifest = Path.Combine(data.Root, "traces", "manifests", ReplayedDataset.Id + ".json");
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace("\"host\": \"h\"", "\"host\": \"h one\"", StringComparison.Ordinal));
        data.Event("kvm.kvm_page_fault", ReplayedDataset.Id, $"""
                SELECT '{ReplayedDataset.Id}' AS trace_id, range AS seq, 2000 + range AS ts_ns, 0 AS cpu, 7 AS pid, '{Hostile}' AS comm, '{Hostile}' AS text FROM range(6)
                """)
            .Result("faults", ReplayedDataset.Id, $"""
                SELECT '{ReplayedDataset.Id}' AS trace_id, range + 1 AS fault_id, range AS seq, 2000 + range AS ts_ns, 7 AS pid, (256 + range)::UBIGINT AS gfn, (1048576 + 4096 * range)::UBIGINT AS gpa,
                       (1048576 + 4096 * range)::UBIGINT AS hva, 'r' AS access, 'P4' AS page_kind, 'FIXED' AS observed_outcome, 100 + range AS latency_ns
                FROM range(6)
                """);
    }

    // Our scripts, which hold a library's markup, stand last.
    private static string Content(string page) => page[..page.IndexOf("<script>", StringComparison.Ordinal)];

    private static string Page(FakeDataset data, params string[] ids)
    {
        using DatasetSession session = data.Open();
        var output = new MemoryStream();
        ReportWriter.Write(session, ids, output, new ReportOrigin("da ta", "tracereplay report -d 'da ta' -o x.html"), CancellationToken.None);
        return Encoding.UTF8.GetString(output.ToArray());
    }

    [GeneratedRegex("<script type=\"application/json\">(.*?)</script>")]
    private static partial Regex DataScripts();

    [GeneratedRegex("<script>(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex InlineScripts();

    [GeneratedRegex("<style>(.*?)</style>", RegexOptions.Singleline)]
    private static partial Regex Styles();

    [GeneratedRegex("href=\"#([^\"]*)\"")]
    private static partial Regex Anchors();

    [GeneratedRegex("<code>([^<]*)</code>")]
    private static partial Regex Codes();

    [GeneratedRegex("<p class=\"verdict\">(.*?)</p>", RegexOptions.Singleline)]
    private static partial Regex VerdictParagraphs();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tags();

    [GeneratedRegex("<figure")]
    private static partial Regex Figures();

    [GeneratedRegex("Content-Security-Policy\" content=\"([^\"]*)\"")]
    private static partial Regex Policy();

    [GeneratedRegex("<svg class=\"static\".*?</svg>", RegexOptions.Singleline)]
    private static partial Regex StaticSvg();

    [GeneratedRegex("(src|href)=\"(?!#|data:)")]
    private static partial Regex Outside();
}
