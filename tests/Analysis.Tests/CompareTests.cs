using TraceReplay.Analysis.Compare;
using Xunit;

namespace TraceReplay.Analysis.Tests;

/// <summary>
/// One page in two runs: merged over a capture of 6.12, and 7.2's own capture. What is the fault logic's difference, and what
/// the host's?
/// </summary>
public class CompareTests
{
    private const string Predicted = "aaaaaaaaaaaaaaaa";
    private const string Observed = "bbbbbbbbbbbbbbbb";
    private const string Remapped = "'remapped'";
    private const string ReadOnlyLeaf = "'the remapped leaf is read-only'";

    [Fact]
    public void A_driver_that_maps_read_only_first_is_the_host_s_difference()
    {
        Answer own = new("FIXED", Path: Remapped, Writable: "true");
        Answer merged = new("FIXED", Path: Remapped, Writable: "true");
        Answer theirs = new("EMULATE", Path: Remapped, Reason: ReadOnlyLeaf);
        Assert.Equal(("host", "host differs: it maps the page writable in the predicted run, read-only in the observed one"), Compare("FIXED", own, merged, "EMULATE", theirs));
    }

    [Fact]
    public void So_is_another_kind_of_page() => Assert.Equal(
        ("host", "host differs: the page is of kind P4 in the predicted run, P3 in the observed one"),
        Compare("EFAULT", new("EFAULT", Kind: "'P4'"), new("EFAULT", Kind: "'P4'"), "FIXED", new("FIXED", Kind: "'P3'")));

    [Fact]
    public void So_is_another_VMA() => Assert.Equal(
        ("host", "host differs: its VMA is ordinary in the predicted run, remapped in the observed one"),
        Compare("FIXED", new("FIXED", Path: "'gup_fast'"), new("FIXED", Path: "'gup_fast'"), "EMULATE", new("EMULATE", Path: Remapped, Reason: ReadOnlyLeaf)));

    [Fact]
    public void The_fault_logic_differs_where_the_model_says_the_same_of_both_hosts() => Assert.Equal(
        ("differ", null),
        Compare("EFAULT", new("EFAULT", Kind: "'P4'"), new("EFAULT", Kind: "'P4'"), "FIXED", new("EFAULT", Kind: "'P3'")));

    [Fact]
    public void Nothing_is_the_host_s_where_the_captured_kernel_s_own_model_misses() => Assert.Equal(
        ("differ", null),
        Compare("RETRY_LATER", new("FIXED", Writable: "true"), new("FIXED", Writable: "true"), "EMULATE", new("EMULATE", Path: Remapped, Reason: ReadOnlyLeaf)));

    [Fact]
    public void Nor_where_the_observed_kernel_s_model_does() => Assert.Equal(
        ("differ", null),
        Compare("FIXED", new("FIXED", Writable: "true"), new("FIXED", Writable: "true"), "EMULATE", new("EFAULT", Path: Remapped, Writable: "false")));

    [Fact]
    public void Nor_where_no_fact_of_the_host_is_another() => Assert.Equal(
        ("differ", null),
        Compare("FIXED", new("FIXED", Kind: "'P3'"), new("FIXED", Kind: "'P3'"), "EMULATE", new("EMULATE", Kind: "'P3'")));

    [Theory]
    [InlineData("FIXED", "SPURIOUS")]
    [InlineData("SPURIOUS", "FIXED_FAST")]
    [InlineData("FIXED_FAST", "FIXED")]
    public void A_mapped_page_is_mapped_however_it_came_to_be(string predicted, string observed) => Assert.Equal(
        ("agree", null), Compare(predicted, new(predicted), new(predicted), observed, new(observed)));

    [Fact]
    public void What_one_run_does_not_tell_is_unknown() =>
        Assert.Equal(("unknown", null), Compare("FIXED", new("FIXED"), new("UNKNOWN"), "FIXED", new("FIXED")));

    [Fact]
    public void A_capture_that_names_no_kernel_has_the_model_that_its_replay_was_compared_with()
    {
        using FakeDataset data = Dataset("FIXED", new("FIXED"), new("FIXED"), "FIXED", new("FIXED"), kernel: "");
        data.Result("fidelity", Observed, $"SELECT '{Observed}' AS trace_id, 'merged' AS model, '7.x' AS setting, 'outcome' AS quantity");
        using Counterfactual comparison = new(new TraceReference(data.Root, Predicted), new TraceReference(data.Root, Observed), null);
        Assert.Equal(("merged", "7.x"), (comparison.Model, comparison.Setting));
    }

    private static (string Verdict, string? Host) Compare(string captured, Answer own, Answer predicted, string observed, Answer theirs)
    {
        using FakeDataset data = Dataset(captured, own, predicted, observed, theirs, "7.2.12");
        using Counterfactual comparison = new(new TraceReference(data.Root, Predicted), new TraceReference(data.Root, Observed), null);
        (string Verdict, string? Host) found = comparison.Session.Select(
            $"SELECT verdict, host FROM ({Counterfactual.Pages})",
            r => (r.GetString(0), r.IsDBNull(1) ? null : r.GetString(1)),
            [.. comparison.Parameters.Select(p => (p.Key, (object)p.Value))]).Single();
        ComparedPages totals = comparison.Totals();
        Assert.Equal(
            found.Verdict,
            totals switch { { Agree: 1 } => "agree", { Differ: 1 } => "differ", { HostDiffers: 1 } => "host", { Unknown: 1 } => "unknown", _ => "none" });
        return found;
    }

    private static FakeDataset Dataset(string captured, Answer own, Answer predicted, string observed, Answer theirs, string kernel)
    {
        FakeDataset data = new();
        data.Manifest(Predicted, "6.12.95").Manifest(Observed, kernel);
        Faults(Predicted, captured);
        Faults(Observed, observed);
        data.Result("outcomes", Predicted, $"{Row(Predicted, "current", "6.12", own)} UNION ALL {Row(Predicted, "merged", "7.x", predicted)}");
        data.Result("outcomes", Observed, Row(Observed, "merged", "7.x", theirs));
        return data;

        void Faults(string trace, string outcome) => data.Result(
            "faults", trace, $"SELECT '{trace}' AS trace_id, 0::BIGINT AS fault_id, 5::BIGINT AS seq, 0::INTEGER AS vm, 0::INTEGER AS as_id, 16::UBIGINT AS gfn, '{outcome}' AS observed_outcome");
    }

    private static string Row(string trace, string model, string setting, Answer answer) => $"""
        SELECT '{trace}' AS trace_id, 0::BIGINT AS fault_id, '{model}' AS model, '{setting}' AS setting, '{answer.Outcome}' AS outcome,
            {answer.Kind}::VARCHAR AS page_kind, {answer.Path}::VARCHAR AS path, {answer.Reason}::VARCHAR AS reason, {answer.Writable}::BOOLEAN AS writable
        """;

    /// <summary>A model's answer; all but the outcome as SQL.</summary>
    private sealed record Answer(string Outcome, string Kind = "NULL", string Path = "NULL", string Reason = "NULL", string Writable = "NULL");
}
