using TraceReplay.Analysis.Query;
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
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_query_runs_on_an_empty_dataset(string name)
    {
        using var data = new FakeDataset();
        Assert.Single(Rows(data, name));
    }

    [Theory]
    [InlineData("efault_causes", "cccccccccccccccc,observed,P4,kvm_try_get_pfn() refuses a page with refcount 0,2,2,0x101,0x102", "cccccccccccccccc,current 6.12,P4,kvm_try_get_pfn() refuses a page with refcount 0,2,2,0x101,0x102")]
    [InlineData("lost_events")]
    [InlineData("divergences", "cccccccccccccccc,current,merged,EFAULT,FIXED,P4,2,2,\"current needs a reference on every page, and a tail of a non-compound block has refcount 0.\"", "cccccccccccccccc,current,v11,EFAULT,FIXED,P4,2,2,\"current needs a reference on every page, and a tail of a non-compound block has refcount 0.\"")]
    [InlineData("event_counts", "cccccccccccccccc,kvm,kvm_page_fault,6,0.75", "cccccccccccccccc,odd,name.with.dots,2,0.25")]
    [InlineData("fidelity", "cccccccccccccccc,6.12.95+deb12-amd64,current,6.12,outcome,6,5,0,1,0.833333", "cccccccccccccccc,6.12.95+deb12-amd64,current,6.12,pfn,3,3,0,0,1")]
    [InlineData("assumptions", "cccccccccccccccc,6.12.95+deb12-amd64,AS-1,inferred,0.25,slots from faults", "cccccccccccccccc,6.12.95+deb12-amd64,AS-2,known,,x", "cccccccccccccccc,6.12.95+deb12-amd64,AS-10,unknown,,")]
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
        Assert.Equal(["a,GUP,observed,FIXED,1,1", "a,GUP,merged x,RETRY,1,1", "a,GUP,v11 x,RETRY,1,1"], Rows(data, "faults_by_outcome").Skip(1));
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
