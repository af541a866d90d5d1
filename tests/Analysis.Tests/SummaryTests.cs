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
        Assert.Equal("""
            6.12-ttm.trace.dat  (cccccccccccccccc)
              captured   trace.dat, Linux 6.12.95+deb12-amd64 x86_64, 2 CPUs, clock mono, 2.5 s: 1,234,567
                         events, 6 faults, nothing lost
              fidelity   current 6.12 against the kernel: outcome 5 of 6 (83.33 %); all of pfn 3; 1 unexplained
                         and 0 explained misses, each in view fidelity_misses
                         page  outcome  observed  current 6.12  v11 posted  merged 7.x
              outcomes   GUP   FIXED           2             3           3           3
                               RETRY           1             0           0           0
                         P4    EFAULT          2             2           0           0
                               FIXED           0             0           2           2
                         P3    FIXED           1             1           1           1
            """.ReplaceLineEndings("\n"), Head(Summary(data, ReplayedDataset.Id), 11));
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
            trace               fidelity  kernel               faults  lost  EFAULT  current  v11  merged
            ------------------  --------  -------------------  ------  ----  ------  -------  ---  ------
            6.12-ttm.trace.dat   83.33 %  6.12.95+deb12-amd64       6     0       2        2    0       0
            second.dat           83.33 %  6.12.95+deb12-amd64       6     0       2        2    0       0
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
    public void No_line_is_wider_than_a_terminal()
    {
        using FakeDataset data = ReplayedDataset.Create(path: "/a/" + new string('x', 40));
        Assert.All(Summary(data, ReplayedDataset.Id).Split('\n'), line => Assert.InRange(line.Length, 0, 100));
    }

    [Theory]
    [InlineData(16383, 16384, "99.99 %")]
    [InlineData(9999999, 10000000, "99.99 %")]
    [InlineData(7, 7, "100 %")]
    [InlineData(0, 0, "-")]
    public void A_share_is_never_rounded_up_to_all(long part, long whole, string expected) => Assert.Equal(expected, Prose.Percent(part, whole));

    private static string Head(string text, int lines) => string.Join('\n', text.Split('\n').Take(lines));

    private static string Summary(FakeDataset data, params string[] ids)
    {
        using DatasetSession session = data.Open();
        var output = new StringWriter();
        new SummaryWriter(output, "DIR").Write(SummaryReader.Read(session, ids));
        return output.ToString();
    }
}
