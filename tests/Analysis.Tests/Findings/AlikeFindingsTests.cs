using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Summary;
using Xunit;

namespace TraceReplay.Analysis.Tests.Findings;

public class AlikeFindingsTests
{
    [Fact]
    public void Findings_that_differ_in_numbers_alone_are_told_once_with_a_count()
    {
        FindingRow[] rows = [Row("page at gpa 0x1000 refused, slot 1", 10, 5), Row("page at gpa 0x2000 refused, slot 2", 20, 6), Row("page at gpa 0x3000 refused, slot 3", 30, 7)];
        AlikeFindings alike = Assert.Single(AlikeFindings.Of(rows));
        Assert.Equal((rows[0], 2), (alike.First, alike.Others.Count));
        Assert.EndsWith("The same 2 times more, with other places and numbers: 13 faults, first 20, 30.", alike.Says(), StringComparison.Ordinal);
        (string label, string text) = Assert.Single(FindingLines.Of(rows));
        Assert.Equal("critical", label);
        Assert.EndsWith("[x, measured; kernel; first fault 10]", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Findings_that_say_something_else_stay_apart()
    {
        FindingRow[] rows = [Row("page refused, slot 1", 10, 5), Row("page emulated, slot 1", 10, 5), Row("page refused, slot 1", 10, 5) with { Certainty = "inferred" }, Row("page refused, slot 1", 10, 5) with { TraceId = "other" }];
        Assert.Equal(4, AlikeFindings.Of(rows).Count);
        Assert.Equal("Page refused, slot 1. Evidence.", AlikeFindings.Of(rows)[0].Says());
    }

    private static FindingRow Row(string title, long first, long faults) => new("id", "x", "critical", title, faults, 1, first, first, "measured", "kernel", "evidence", "advice");
}
