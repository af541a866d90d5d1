using TraceReplay.Analysis.Query;
using Xunit;

namespace TraceReplay.Analysis.Tests;

public class NearestTests
{
    private static readonly string[] s_names = ["faults", "outcomes", "kvm_exit", "kvm_entry", "kvm_page_fault", "fidelity", "fidelity_misses", "print"];

    [Theory]
    [InlineData("fauts", "; did you mean faults?")]
    [InlineData("FAULT", "; did you mean faults or kvm_page_fault?")]
    [InlineData("kvm_exti", "; did you mean kvm_exit?")]
    [InlineData("page_fault", "; did you mean kvm_page_fault?")]
    [InlineData("fidelty", "; did you mean fidelity?")]
    [InlineData("zzzqq", "")]
    [InlineData("", "")]
    public void What_is_near_is_named_and_nothing_else(string word, string hint) => Assert.Equal(hint, Nearest.Hint(word, s_names));

    [Fact]
    public void Several_come_nearest_first() => Assert.Equal("; did you mean ab1, ab2 or abc1?", Nearest.Hint("ab1", ["abc1", "ab2", "ab1"]));

    [Theory]
    [InlineData("SELECT $a, $b, $A", "a b")]
    [InlineData("SELECT '$a', \"$b\", e'\\'$c', $$ $d $$, $t$ $e $t$ -- $f", "")]
    [InlineData("/* $a */ SELECT x$y, $1", "1")]
    public void Parameters_are_those_outside_of_quotes_and_comments(string sql, string names) => Assert.Equal(names, string.Join(' ', QueryParameters.In(sql)));

    [Theory]
    [InlineData("SELECT $gfn", "gnf", "--param gnf: the query has no $gnf; it has $gfn")]
    [InlineData("SELECT 1", "x", "--param x: the query has no $x; it takes no parameters")]
    [InlineData("SELECT $gfn", null, "the query has $gfn: give --param gfn=VALUE")]
    public void Names_that_do_not_fit_are_refused(string sql, string? given, string message)
    {
        AnalysisException refused = Assert.Throws<AnalysisException>(() => QueryParameters.Require(sql, given is null ? [] : [given]));
        Assert.Equal((AnalysisFailure.Usage, message), (refused.Failure, refused.Message));
        QueryParameters.Require("SELECT $gfn", ["GFN"]);
    }

    [Fact]
    public void Notes_are_the_sections_of_the_leading_comment()
    {
        QueryNotes notes = QueryNotes.Of("q", "-- Why?\n-- Columns: a is one;\n-- b two.\n-- Then: look.\nSELECT $n -- Else: not this\n");
        Assert.Equal([("question", "Why?"), ("columns", "a is one; b two."), ("then", "look."), ("parameters", "--param n=VALUE")], notes.Sections);
    }
}
