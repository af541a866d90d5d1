using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Summary;
using TraceReplay.Analysis.Views;
using Xunit;

namespace TraceReplay.Analysis.Tests;

public class SummaryTests
{
    [Fact]
    public void One_trace_in_full()
    {
        using FakeDataset data = ReplayedDataset.Create();
        string summary = Summary(data, ReplayedDataset.Id);
        int captured = summary.IndexOf("  captured", StringComparison.Ordinal);

        // The verdict leads, then what was found.
        Assert.StartsWith(
            "6.12-ttm.trace.dat (cccccccccccccccc) verdict Linux 6.12.95 did not do what its own logic says (current 6.12) in 1 of 6 faults, for which no cause is known: view fidelity_misses has them. "
            + "Of the 6 faults 3 were mapped, 2 were refused with EFAULT and 1 was sent back to retry. ",
            Words(summary),
            StringComparison.Ordinal);
        Assert.Contains(" v11 and merged would end 2 of them with FIXED instead of EFAULT. This rests on 100 % of the faults. What it rests on was recorded but for memslots (inferred, 25 %). critical ", Words(summary), StringComparison.Ordinal);
        Assert.Equal("""
              captured   trace.dat, Linux 6.12.95+deb12-amd64 x86_64, 2 CPUs, clock mono, 2.5 s: 1,234,567
                         events, 6 faults, nothing lost
              fidelity   current 6.12 against the kernel: outcome 5 of 6 decided (83.33 %), coverage 100 % of 6
                         faults; all of pfn 3 (coverage 75.00 %); 1 miss, each in view fidelity_misses
                         page  outcome  observed  current 6.12  v11 posted  merged 7.x
              outcomes   GUP   FIXED           2             3           3           3
                               RETRY           1             0           0           0
                         P4    EFAULT          2             2           0           0
                               FIXED           0             0           2           2
                         P3    FIXED           1             1           1           1
            """.ReplaceLineEndings("\n"), Head(summary[captured..], 10));
    }

    [Fact]
    public void Models_that_differ_alike_share_a_line_and_assumptions_are_in_order_of_their_numbers()
    {
        using FakeDataset data = ReplayedDataset.Create();
        string text = Summary(data, ReplayedDataset.Id).ReplaceLineEndings(" ");
        text = string.Join(' ', text.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("diverge 2 faults on P4: current EFAULT, v11 and merged FIXED. Current needs a reference on every page, and a tail of a non-compound block has refcount 0.", text, StringComparison.Ordinal);
        Assert.Contains("assumed AS-1 inferred (25 %): slots from faults AS-10 unknown known from the capture: AS-2", text, StringComparison.Ordinal);
        Assert.Contains("next tracereplay query -d DIR --sql 'FROM fidelity_misses'", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_traces_end_in_one_table()
    {
        using FakeDataset data = ReplayedDataset.Create();
        data.Add("dddddddddddddddd", "second.dat");
        string text = Summary(data, ReplayedDataset.Id, "dddddddddddddddd");
        Assert.Contains("""
            trace               fidelity  coverage  kernel   faults  lost  EFAULT  current  v11  merged
            ------------------  --------  --------  -------  ------  ----  ------  -------  ---  ------
            6.12-ttm.trace.dat   83.33 %     100 %  6.12.95       6     0       2        2    0       0
            second.dat           83.33 %     100 %  6.12.95       6     0       2        2    0       0
            """.ReplaceLineEndings("\n"), text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_capture_without_faults_says_so_instead_of_showing_a_perfect_score()
    {
        using var data = new FakeDataset();
        data.Manifest("eeeeeeeeeeeeeeee", lost: 3, complete: false);
        string text = Summary(data, "eeeeeeeeeeeeeeee");
        Assert.Contains("nothing to compare: the capture shows no KVM fault", text, StringComparison.Ordinal);
        Assert.Contains("3 lost; DAMAGED", text, StringComparison.Ordinal);
        Assert.DoesNotContain("100 %", text, StringComparison.Ordinal);
        Assert.EndsWith("next         tracereplay info x.trace.dat, which says what to record\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_capture_of_which_nothing_could_be_compared_is_not_called_free_of_misses()
    {
        using FakeDataset data = Replayed("SELECT 'outcome' AS quantity, 6 AS total, 0 AS matched, 0 AS in_set, 0 AS missed, 4 AS unknown, 2 AS unobserved")
            .Result("outcomes", ReplayedDataset.Id, $"SELECT '{ReplayedDataset.Id}' AS trace_id, range + 1 AS fault_id, 'current' AS model, '6.12' AS setting, 'UNKNOWN' AS outcome, 'UNKNOWN' AS outcomes FROM range(6)")
            .Result("divergences", ReplayedDataset.Id, $"SELECT '{ReplayedDataset.Id}' AS trace_id WHERE false");
        string text = Words(Summary(data, ReplayedDataset.Id));
        Assert.Contains("current 6.12 against the kernel: no outcome could be compared, so nothing says how far the model is right: of 6 faults 4 not predicted, 2 not observed ", text, StringComparison.Ordinal);
        Assert.Contains("diverge nothing to compare: there is no fault of which all models know the end", text, StringComparison.Ordinal);
        Assert.DoesNotContain("no miss", text, StringComparison.Ordinal);
        Assert.DoesNotContain("nowhere", text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_stands_in_a_set_and_what_is_not_covered_stands_beside_the_percentage()
    {
        using FakeDataset data = Replayed("""
                SELECT 'outcome' AS quantity, 23 AS total, 10 AS matched, 3 AS in_set, 0 AS missed, 1 AS lost, 2 AS read_off, 4 AS unknown, 3 AS unobserved
                UNION ALL SELECT 'spte', 8, 7, 0, 1, 0, 0, 0, 0
                UNION ALL SELECT 'refs', 5, 0, 0, 0, 0, 0, 0, 5
                UNION ALL SELECT 'in_progress', 0, 0, 0, 0, 0, 0, 0, 0
                """)
            .Result("outcomes", ReplayedDataset.Id, $"SELECT '{ReplayedDataset.Id}' AS trace_id, range + 1 AS fault_id, 'current' AS model, '6.12' AS setting, NULL::VARCHAR AS outcome, 'FIXED|RETRY' AS outcomes FROM range(3)");
        string text = Words(Summary(data, ReplayedDataset.Id));
        Assert.Contains(
            "outcome 10 of 10 decided (100 %), 3 in a set of two, coverage 56.52 % of 23 faults, 1 missed behind lost records, 2 read off the fault's own records, 4 not predicted, 3 not observed; "
            + "spte 7 of 8 (87.50 %, coverage 100 %); not compared: refs; 1 miss and 1 behind lost records, each in view fidelity_misses",
            text,
            StringComparison.Ordinal);
    }

    [Fact]
    public void No_line_is_wider_than_a_terminal()
    {
        using FakeDataset data = ReplayedDataset.Create(path: "/a/" + new string('x', 40));
        Assert.All(Summary(data, ReplayedDataset.Id).Split('\n'), line => Assert.InRange(line.Length, 0, 100));
    }

    [Theory]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(120)]
    public void Prose_follows_the_width_that_there_is(int width)
    {
        using FakeDataset data = ReplayedDataset.Create();
        using DatasetSession session = data.Open();
        var output = new StringWriter();
        new SummaryWriter(output, "DIR", width).Write(SummaryReader.Read(session, [ReplayedDataset.Id]));
        string[] verdict = [.. output.ToString().Split('\n').Skip(1).TakeWhile(line => !line.StartsWith("  critical", StringComparison.Ordinal))];
        Assert.All(verdict, line => Assert.InRange(line.Length, 0, width));
        Assert.Contains(verdict, line => line.Length > width - 20);
    }

    [Fact]
    public void A_mail_has_72_columns_and_what_it_takes_to_repeat_it()
    {
        using FakeDataset data = ReplayedDataset.Create();
        using DatasetSession session = data.Open();
        var output = new StringWriter();
        new MailWriter(output, " --kernel 6.12.95").Write(SummaryReader.Read(session, [ReplayedDataset.Id]));
        string text = output.ToString();
        Assert.StartsWith("Linux 6.12.95 did not do what its own logic says", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n').Where(line => !line.StartsWith("  ", StringComparison.Ordinal)), line => Assert.InRange(line.Length, 0, 72));
        Assert.Contains("  sha256   00\n", text, StringComparison.Ordinal);
        Assert.Contains("  repeat   tracereplay run 6.12-ttm.trace.dat --kernel 6.12.95\n", text, StringComparison.Ordinal);
    }

    /// <summary>Who is to blame is said for every cause that a finding can have, and a defect is called known only where it is.</summary>
    [Fact]
    public void A_finding_is_called_a_known_defect_only_where_it_is_one()
    {
        Assert.Equal(["tail-refused"], Catalogue.All.Where(f => f.IsKnownDefect).Select(f => f.Id));
        Assert.All(Catalogue.All.Where(f => !f.IsKnownDefect), f => Assert.DoesNotContain("known", VerdictText.Doing(f.Cause), StringComparison.Ordinal));
        Assert.Equal("KVM's doing", VerdictText.Doing(Catalogue.Named("stale-leaf").Cause));
        Assert.All(Catalogue.All.Where(f => f.Cause is not ("kernel" or "unknown")), f => Assert.NotEqual(VerdictText.Doing("unknown"), VerdictText.Doing(f.Cause)));
    }

    [Fact]
    public void What_cannot_be_judged_is_said_with_its_reason_and_nothing_is_said_to_agree()
    {
        using FakeDataset data = Replayed("SELECT 'outcome' AS quantity, 6 AS total, 0 AS matched, 0 AS in_set, 0 AS missed, 6 AS unknown, 0 AS unobserved")
            .Result("outcomes", ReplayedDataset.Id, $"SELECT '{ReplayedDataset.Id}' AS trace_id, range + 1 AS fault_id, 'current' AS model, '6.12' AS setting, 'UNKNOWN' AS outcome, 'UNKNOWN' AS outcomes FROM range(6)")
            .Result("divergences", ReplayedDataset.Id, $"SELECT '{ReplayedDataset.Id}' AS trace_id WHERE false")
            .Result("assumptions", ReplayedDataset.Id, $"SELECT '{ReplayedDataset.Id}' AS trace_id, 'AS-1' AS assumption, 'unknown' AS value");
        string text = Words(Summary(data, ReplayedDataset.Id));
        Assert.Contains("No model can judge 6 faults: no memslot is known; what the host had mapped there is not recorded.", text, StringComparison.Ordinal);
        Assert.Contains("Record kvmmmu:kvm_mmu_set_spte, a probe on __kvm_set_memory_region and kvm:kvm_unmap_hva_range to know more (tracereplay probes says how).", text, StringComparison.Ordinal);
        Assert.DoesNotContain("would end", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Invariants_are_in_the_verdict_whether_broken_or_not()
    {
        using FakeDataset data = ReplayedDataset.Create();
        data.Result("invariants", ReplayedDataset.Id, $"""
            SELECT '{ReplayedDataset.Id}' AS trace_id, * FROM (VALUES ('kernel', 'INV-06', 'A', 5::BIGINT, 0::BIGINT), ('kernel', 'INV-07', 'B', 2, 0), ('kernel', 'INV-08', 'C', 0, 0), ('current', 'INV-31', 'D', 3, 3))
                v(model, invariant, name, checked, violated)
            """);
        Assert.Contains("The kernel's records break none of the 2 invariants that they can show.", Words(Summary(data, ReplayedDataset.Id)), StringComparison.Ordinal);
        data.Result("invariants", ReplayedDataset.Id, $"SELECT '{ReplayedDataset.Id}' AS trace_id, 'kernel' AS model, 'INV-06' AS invariant, 'A' AS name, 5::BIGINT AS checked, 4::BIGINT AS violated");
        Assert.Contains("The kernel's own records break INV-06 (A) 4 times.", Words(Summary(data, ReplayedDataset.Id)), StringComparison.Ordinal);
    }

    /// <summary>Captures of a fleet are all called trace.dat.</summary>
    [Theory]
    [InlineData("/in/a/trace.dat /in/b/trace.dat", "a/trace.dat b/trace.dat")]
    [InlineData("/in/a/1/trace.dat /in/b/1/trace.dat /in/b/1/perf.data", "a/1/trace.dat b/1/trace.dat perf.data")]
    [InlineData("trace.dat x/trace.dat", "trace.dat x/trace.dat")]
    [InlineData("/in/same.dat /in/same.dat", "same.dat same.dat")]
    [InlineData("/in/a-host-of-a-long-name/trace.dat /in/b/trace.dat", "…-of-a-long-name/trace.dat b/trace.dat")]
    public void Captures_of_one_name_are_told_apart_by_their_folders(string paths, string expected) =>
        Assert.Equal(expected.Split(' '), CaptureNames.Of(paths.Split(' '), 26));

    /// <summary>Whoever pastes a text asks what happened: what the records show by themselves comes before what no model can say.</summary>
    [Fact]
    public void Where_no_model_can_judge_the_records_findings_come_first()
    {
        var summary = new TraceSummary
        {
            Trace = new CapturedTrace("id", "x.txt", "ftrace text", null, "x86_64", null, "ns", 2, 0, 1, 10, 0, true),
            Faults = 2,
            Fidelity = [],
            Outcomes = [new OutcomeCount("GUP", "RETRY", SummaryReader.Observed, 2)],
            Divergences = [],
            Assumptions = [],
            Findings = [new FindingRow("id", "emulation-failed", "critical", "t", 1, 1, 1, 1, "measured", "guest", "e", "a")],
        };
        string verdict = VerdictText.Of(summary);
        Assert.StartsWith("One finding matters: ", verdict, StringComparison.Ordinal);
        Assert.Contains("All 2 faults were sent back to retry. No model can judge 2 faults: the kernel's version is not known", verdict, StringComparison.Ordinal);
        Assert.Contains(" The fault was sent back to retry. No model can judge 1 fault: ", VerdictText.Of(summary with { Faults = 1, Outcomes = [new OutcomeCount("GUP", "RETRY", SummaryReader.Observed, 1)] }), StringComparison.Ordinal);
        Assert.Equal("Nothing can be judged, for 2 rows could not be read. Record with trace-cmd or perf, whose files keep the fields; tracereplay info says what.", VerdictText.Of(summary with { Faults = 0, Unread = ["2 rows could not be read"] }));
    }

    [Theory]
    [InlineData(16383, 16384, "99.99 %")]
    [InlineData(9999999, 10000000, "99.99 %")]
    [InlineData(7, 7, "100 %")]
    [InlineData(0, 0, "-")]
    public void A_share_is_never_rounded_up_to_all(long part, long whole, string expected) => Assert.Equal(expected, Prose.Percent(part, whole));

    private static FakeDataset Replayed(string fidelity) => ReplayedDataset.Create()
        .Result("fidelity", ReplayedDataset.Id, $"SELECT '{ReplayedDataset.Id}' AS trace_id, 'current' AS model, '6.12' AS setting, * FROM ({fidelity})");

    private static string Words(string text) => string.Join(' ', text.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries));

    private static string Head(string text, int lines) => string.Join('\n', text.Split('\n').Take(lines));

    private static string Summary(FakeDataset data, params string[] ids)
    {
        using DatasetSession session = data.Open();
        var output = new StringWriter();
        new SummaryWriter(output, "DIR").Write(SummaryReader.Read(session, ids));
        return output.ToString();
    }
}
