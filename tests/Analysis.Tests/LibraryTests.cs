using TraceReplay.Analysis.Query;
using TraceReplay.Analysis.Summary;
using TraceReplay.Analysis.Views;
using Xunit;

namespace TraceReplay.Analysis.Tests;

public class LibraryTests
{
    private static readonly string s_folder = Path.Combine(RepositoryRoot(), "queries");

    public static TheoryData<string> Names => [.. new QueryLibrary([s_folder]).List().Select(q => q.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_query_says_its_question_its_columns_and_what_to_do_then(string name)
    {
        string[] head = [.. File.ReadLines(Path.Combine(s_folder, name + ".sql")).TakeWhile(l => l.StartsWith("--", StringComparison.Ordinal))];
        Assert.EndsWith("?", head[0], StringComparison.Ordinal);
        Assert.Contains(head, l => l.StartsWith("-- Columns: ", StringComparison.Ordinal));
        Assert.Contains(head, l => l.StartsWith("-- Then: ", StringComparison.Ordinal));
        Assert.NotEmpty(QueryNeeds.Requirements(File.ReadAllText(Path.Combine(s_folder, name + ".sql"))));
    }

    /// <summary>A query that needs more memory than it is given at first is run again: nothing may be printed before all is done.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Every_query_ends_in_a_sort(string name) =>
        Assert.StartsWith("ORDER BY ", File.ReadAllText(Path.Combine(s_folder, name + ".sql")).TrimEnd().Split('\n')[^1], StringComparison.Ordinal);

    /// <summary>a: freed pages and leaves are recorded; b: neither. No row of a query says the same of both.</summary>
    [Theory]
    [InlineData("nothing", 0, "none, and all 2 captures could show it")]
    [InlineData("nothing", 1, null)]
    [InlineData("mm_page_free", 0, "none in 1 of 2 captures; of the others it cannot be judged: no mm_page_free (b.dat)")]
    [InlineData("mm_page_free", 7, "1 of 2 captures cannot be judged: no mm_page_free (b.dat)")]
    [InlineData("kvm_page_fault or mm_page_free", 0, "none in 1 of 2 captures; of the others it cannot be judged: no kvm_page_fault or mm_page_free (b.dat)")]
    [InlineData("replay, mm_page_free", 0, "cannot be judged: not replayed (a.dat, b.dat)")]
    [InlineData("mm_page_free, fault", 0, "cannot be judged: no fault (a.dat); no mm_page_free (b.dat)")]
    [InlineData("ttm_bo_handle_move_mem()", 0, "cannot be judged: no ttm_bo_handle_move_mem() (a.dat, b.dat)")]
    public void None_is_told_from_what_could_not_be_judged(string needs, long rows, string? expected)
    {
        using var data = new FakeDataset();
        data.Manifest("a", path: "/in/a.dat", eventCounts: "\"kmem.mm_page_free\": 3").Manifest("b", path: "/in/b.dat", eventCounts: "");
        using DatasetSession session = data.Open();
        Assert.Equal(expected, QueryNeeds.Note(session, $"-- Is there any?\n-- Needs: {needs}\nSELECT 1", rows));
    }

    [Fact]
    public void A_requirement_that_is_none_is_refused() =>
        Assert.Throws<AnalysisException>(() => QueryNeeds.Requirements("-- Is there any?\n-- Needs: luck, fault!\nSELECT 1"));

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_query_runs_on_an_empty_dataset(string name)
    {
        using var data = new FakeDataset();
        Assert.Single(Rows(data, name));
    }

    [Theory]
    [InlineData("efault_causes", "cccccccccccccccc,6.12-ttm.trace.dat,h one,observed,P4,kvm_try_get_pfn() refuses a page with refcount 0,2,2,0x101,0x102", "cccccccccccccccc,6.12-ttm.trace.dat,h one,current 6.12,P4,kvm_try_get_pfn() refuses a page with refcount 0,2,2,0x101,0x102")]
    [InlineData("lost_events")]
    [InlineData("divergences", "cccccccccccccccc,6.12-ttm.trace.dat,h one,current,merged,EFAULT,FIXED,P4,2,2,\"current needs a reference on every page, and a tail of a non-compound block has refcount 0.\"", "cccccccccccccccc,6.12-ttm.trace.dat,h one,current,v11,EFAULT,FIXED,P4,2,2,\"current needs a reference on every page, and a tail of a non-compound block has refcount 0.\"")]
    [InlineData("event_counts", "cccccccccccccccc,6.12-ttm.trace.dat,h one,kvm,kvm_page_fault,6,0.75", "cccccccccccccccc,6.12-ttm.trace.dat,h one,odd,name.with.dots,2,0.25")]
    [InlineData("fidelity", "cccccccccccccccc,6.12-ttm.trace.dat,h one,6.12.95+deb12-amd64,current,6.12,outcome,6,5,0,1,0,0,0,0,0.833333,1", "cccccccccccccccc,6.12-ttm.trace.dat,h one,6.12.95+deb12-amd64,current,6.12,pfn,4,3,0,0,0,0,0,1,1,0.75")]
    [InlineData("assumptions", "cccccccccccccccc,6.12-ttm.trace.dat,h one,6.12.95+deb12-amd64,AS-1,inferred,0.25,slots from faults", "cccccccccccccccc,6.12-ttm.trace.dat,h one,6.12.95+deb12-amd64,AS-2,known,,x", "cccccccccccccccc,6.12-ttm.trace.dat,h one,6.12.95+deb12-amd64,AS-10,unknown,,")]
    public void Queries_answer_their_question(string name, params string[] rows)
    {
        using FakeDataset data = ReplayedDataset.Create();
        Assert.Equal(rows, Rows(data, name).Skip(1));
    }

    [Fact]
    public void Observed_and_predicted_outcomes_of_a_fault_stand_under_one_page_kind()
    {
        // The kernel's own record does not tell the kind of this fault's page; one of the models infers it.
        using var data = new FakeDataset();
        data.Manifest("a").Result("faults", "a", "SELECT 'a' AS trace_id, 1::BIGINT AS fault_id, NULL::VARCHAR AS page_kind, 'FIXED' AS observed_outcome")
            .Result("outcomes", "a", """
                SELECT 'a' AS trace_id, 1::BIGINT AS fault_id, model, 'x' AS setting, 'RETRY' AS outcome, kind AS page_kind
                FROM (VALUES ('v11', 'GUP'), ('merged', NULL)) m(model, kind)
                """);
        Assert.Equal(["a,x.trace.dat,h one,GUP,observed,FIXED,1,1", "a,x.trace.dat,h one,GUP,merged x,RETRY,1,1", "a,x.trace.dat,h one,GUP,v11 x,RETRY,1,1"], Rows(data, "faults_by_outcome").Skip(1));
    }

    [Fact]
    public void Outcomes_are_counted_by_the_kind_of_the_fault_whatever_kind_they_have_themselves()
    {
        // In a all agree; in b one outcome's kind is not its fault's, in c no kind is known, and nothing was replayed of d.
        using var data = new FakeDataset();
        (string Trace, string Faults, string Outcomes)[] traces =
        [
            ("a", "(1, 'GUP', 'FIXED'), (2, 'P4', 'EFAULT'), (3, 'GUP', 'FIXED')", "(1, 'v11', 'GUP', 'FIXED'), (2, 'v11', 'P4', 'FIXED'), (3, 'v11', 'GUP', 'RETRY')"),
            ("b", "(1, 'GUP', 'FIXED'), (2, 'P4', NULL)", "(1, 'v11', 'P2', 'FIXED'), (2, 'v11', 'P4', 'FIXED')"),
            ("c", "(1, NULL, 'FIXED')", "(1, 'v11', NULL, 'FIXED')"),
            ("d", "(1, 'GUP', 'FIXED')", "(1, 'v11', 'GUP', 'FIXED')"),
        ];
        foreach ((string trace, string faults, string outcomes) in traces)
        {
            data.Manifest(trace).Result("faults", trace, $"SELECT '{trace}' AS trace_id, f::BIGINT AS fault_id, k::VARCHAR AS page_kind, o::VARCHAR AS observed_outcome FROM (VALUES {faults}) t(f, k, o)")
                .Result("outcomes", trace, $"SELECT '{trace}' AS trace_id, f::BIGINT AS fault_id, m AS model, 'x' AS setting, o AS outcome, k::VARCHAR AS page_kind FROM (VALUES {outcomes}) t(f, m, k, o) WHERE '{trace}' <> 'd'");
        }

        string[] expected =
        [
            "a GUP observed FIXED 2", "a GUP v11 x FIXED 1", "a GUP v11 x RETRY 1", "a P4 observed EFAULT 1", "a P4 v11 x FIXED 1",
            "b GUP observed FIXED 1", "b GUP v11 x FIXED 1", "b P4 observed UNKNOWN 1", "b P4 v11 x FIXED 1",
            "c unknown observed FIXED 1", "c unknown v11 x FIXED 1", "d GUP observed FIXED 1",
        ];
        Assert.Equal(expected, Rows(data, "faults_by_outcome").Skip(1).Select(row => row.Split(',')).Select(r => $"{r[0]} {r[3]} {r[4]} {(r[5].Length == 0 ? "UNKNOWN" : r[5])} {r[6]}").Order(StringComparer.Ordinal));
        using DatasetSession session = data.Open();
        Assert.Equal(
            expected,
            SummaryReader.Read(session, ["a", "b", "c", "d"]).SelectMany(s => s.Outcomes.Select(o => $"{s.Trace.Id} {o.PageKind} {o.Source} {o.Outcome} {o.Faults}")).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_set_of_outcomes_is_shown_as_one_and_is_no_refusal()
    {
        using var data = new FakeDataset();
        data.Manifest("a").Result("faults", "a", "SELECT 'a' AS trace_id, 1::BIGINT AS fault_id, 5::UBIGINT AS gfn, 'GUP' AS page_kind, 'FIXED' AS observed_outcome")
            .Result("outcomes", "a", "SELECT 'a' AS trace_id, 1::BIGINT AS fault_id, 'v11' AS model, 'x' AS setting, NULL::VARCHAR AS outcome, 'RETRY|EFAULT' AS outcomes, false AS read_off");
        Assert.Equal(["a,x.trace.dat,h one,GUP,observed,FIXED,1,1", "a,x.trace.dat,h one,GUP,v11 x,RETRY|EFAULT,1,1"], Rows(data, "faults_by_outcome").Skip(1));
        Assert.Single(Rows(data, "efault_causes"));
    }

    [Fact]
    public void A_page_that_its_owner_freed_while_a_guest_had_it_mapped_is_found_and_only_that()
    {
        // pfn 256 to 259 are mapped as gfn 1 to 4. The block of 256 and 257 is freed while gfn 1 is there and after gfn 2 is gone;
        // 258 is freed before it is mapped; 259 makes room for 260 before it goes.
        using var data = new FakeDataset();
        data.Manifest("a")
            .Event("kvmmmu.kvm_tdp_mmu_spte_changed", "a", """
                SELECT 'a' AS trace_id, seq::BIGINT AS seq, 0::UTINYINT AS as_id, gfn::UBIGINT AS gfn, 1::UTINYINT AS level,
                       0::UBIGINT AS old_spte, if(pfn = 0, 0, pfn * 4096 + 2048)::UBIGINT AS new_spte
                FROM (VALUES (1, 10, 256), (2, 11, 257), (2, 12, 0), (3, 21, 258), (4, 22, 259), (4, 23, 260), (1, 30, 0)) c(gfn, seq, pfn)
                """)
            .Event("kmem.mm_page_free", "a", """
                SELECT 'a' AS trace_id, seq::BIGINT AS seq, pfn::UBIGINT AS pfn, o::UINTEGER AS "order" FROM (VALUES (15, 256, 1), (20, 258, 0), (25, 259, 0)) f(seq, pfn, o)
                """);
        Assert.Equal(["a,x.trace.dat,h one,0,0x1,0x100,1,10,15,30,false"], Rows(data, "freed_pages_mapped").Skip(1));
    }

    [Theory]
    [InlineData("/in/6.12-ttm.trace.dat", "ttm")]
    [InlineData("/in/6.1.pageout.disk.trace.dat", "pageout.disk")]
    [InlineData("/in/trace.dat", "trace")]
    [InlineData("perf.data", "perf")]
    [InlineData("/in/x.txt.zst", "x")]
    [InlineData("/in/my.capture", "my.capture")]
    [InlineData("-", "-")]
    public void A_scenario_is_the_name_of_any_file(string path, string scenario)
    {
        using FakeDataset data = ReplayedDataset.Create(path: path);
        Assert.Equal([scenario], Rows(data, "thread/what_changes").Skip(1).Select(row => row.Split(',')[1]));
    }

    [Fact]
    public void Moves_that_a_guest_noticed_come_first_and_a_first_touch_is_no_refault()
    {
        // Two pages lie in the window of the second move: one was mapped before it, the other is touched behind it only.
        using var data = new FakeDataset();
        data.Manifest("a")
            .Result("bo_moves", "a", """
                SELECT 'a' AS trace_id, seq::BIGINT AS seq, seq::BIGINT + 5 AS end_seq, 100::BIGINT AS ts_ns, 130::BIGINT AS end_ns, 7::INTEGER AS pid, bo::UBIGINT AS bo, windows::BIGINT AS windows, zapped::BIGINT AS zapped_pages
                FROM (VALUES (1, 176, 0, 0), (10, 177, 1, 1)) m(seq, bo, windows, zapped)
                """)
            .Result("windows", "a", "SELECT 'a' AS trace_id, 1::BIGINT AS window_id, 0::INTEGER AS vm, 7::INTEGER AS pid, 11::BIGINT AS start_seq, 12::BIGINT AS end_seq, 8192::UBIGINT AS hva_start, 16384::UBIGINT AS hva_end, 1::INTEGER AS slots")
            .Result("faults", "a", """
                SELECT 'a' AS trace_id, seq::BIGINT AS fault_id, seq::BIGINT AS seq, 0::INTEGER AS vm, 0::INTEGER AS as_id, gfn::UBIGINT AS gfn, (gfn * 4096)::UBIGINT AS hva, 'FIXED' AS observed_outcome, 1::INTEGER AS observed_level
                FROM (VALUES (5, 2), (30, 2), (31, 3)) f(seq, gfn)
                """);
        Assert.Equal(["0xb1,30,ns,1,1,1,1,0", "0xb0,30,ns,0,0,0,0,0"], Rows(data, "bo_moves").Skip(1).Select(row => string.Join(',', row.Split(',').Where((_, i) => i is 5 or >= 11))));
    }

    [Fact]
    public void A_regression_is_a_kind_of_finding_that_no_earlier_day_had()
    {
        using var data = new FakeDataset();
        data.Manifest("a", date: "2026-11-20").Manifest("b", date: "2026-11-21").Manifest("c", date: "2026-11-22").Manifest("d", kernel: "7.2", date: "2026-11-22")
            .Result("violations", "a", "SELECT 'a' AS trace_id, 'INV-03' AS invariant, 'current' AS model, 'violated' AS verdict")
            .Result("violations", "c", "SELECT 'c' AS trace_id, i AS invariant, 'current' AS model, 'violated' AS verdict FROM (VALUES ('INV-03'), ('INV-04'), ('INV-04')) x(i)")
            .Result("fidelity_misses", "c", "SELECT 'c' AS trace_id, 'current' AS model, 'pfn' AS quantity, l AS lost FROM (VALUES (true), (false)) x(l)")
            .Result("divergences", "d", "SELECT 'd' AS trace_id, 'current' AS model_a, 'merged' AS model_b, 'EFAULT' AS outcome_a, 'FIXED' AS outcome_b, 'P4' AS page_kind");
        Assert.Equal(
            [
                "h one,6.12.95+deb12-amd64,2026-11-22,infidelity,pfn of current,1,1,c,x.trace.dat,2,2",
                "h one,6.12.95+deb12-amd64,2026-11-22,violation,INV-04 by current: violated,1,2,c,x.trace.dat,2,2",
                "h one,7.2,2026-11-22,divergence,\"current EFAULT, merged FIXED, page kind P4\",1,1,d,x.trace.dat,0,0",
            ],
            Rows(data, "regressions").Skip(1));
    }

    [Fact]
    public void The_working_directorys_queries_go_before_the_programs()
    {
        string own = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;
        File.WriteAllText(Path.Combine(own, "fidelity.sql"), "-- Mine?\nSELECT 1");
        var library = new QueryLibrary([own, s_folder]);
        Assert.Equal("Mine?", library.List().Single(q => q.Name == "fidelity").Question);
        Assert.Equal("-- Mine?\nSELECT 1", library.Text("fidelity"));
        Assert.Throws<AnalysisException>(() => library.Text("../fidelity"));
        Directory.Delete(own, recursive: true);
    }

    private static string[] Rows(FakeDataset data, string name)
    {
        using DatasetSession session = data.Open();
        var output = new StringWriter();
        QueryRunner.Print(session, new QueryLibrary([s_folder]).Text(name), new Dictionary<string, string>(), RowFormat.Csv, output, CancellationToken.None);
        return output.ToString().TrimEnd('\n').Split('\n');
    }

    internal static string RepositoryRoot()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "TraceReplay.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }
}
