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

    private const string Arm64 = "6.12.95+deb12-arm64";
    private const string ReadOnlyRule = "a present read-only leaf of remapped memory: arm64 ends the write in EFAULT, x86 emulates it";

    [Fact]
    public void A_memslot_that_the_CPU_makes_the_kernel_refuse_is_the_host_s_difference() => Assert.Equal(
        ("host", "host differs: memslot refused (no S2FWB)"),
        Compare("EFAULT", new("EFAULT", Kind: "'P4'", Path: Remapped), new("FIXED", Kind: "'P4'", Path: Remapped), "EMULATE", new("EMULATE", Kind: "'NOSLOT'", Setting: "7.x-nofwb")));

    /// <summary>x86's run predicts, arm64's is observed; a row of <c>MachineRules</c> for each way.</summary>
    [Theory]
    [InlineData("EMULATE", "EFAULT", "the remapped leaf is read-only", "remapped", "w", "rule", ReadOnlyRule)]
    [InlineData("EMULATE", "EFAULT", "the VMA forbids the access", "remapped", "w", "differ", null)]
    [InlineData("EMULATE", "ENOSYS", "the access meets no memory, and the syndrome does not say what it was (ISV=0), so it cannot be emulated", "noslot", "w", "rule", "no valid syndrome: arm64 cannot tell the access and ends it in ENOSYS, x86 decodes the instruction")]
    [InlineData("FIXED", "ABORT", "instruction fetch from device memory: an external abort is injected", "remapped", "x", "rule", "instruction fetch from device memory: arm64 injects an abort, x86 maps it")]
    [InlineData("EMULATE", "ABORT", "instruction fetch from where no memory is: an external abort is injected", "noslot", "x", "rule", "instruction fetch from where no memory is: arm64 injects an abort, x86 tries to emulate it")]
    [InlineData("FIXED", "ABORT", null, "gup_fast", "x", "differ", null)]
    [InlineData("FIXED", "FIXED", null, "gup_fast", "w", "agree", null)]
    [InlineData("FIXED_FAST", "FIXED", null, "gup_fast", "w", "agree", "permissions of a present leaf: x86 adds them without a lookup (fast page fault), arm64 looks the page up")]
    public void What_makes_two_machines_differ_has_a_name(string x86, string arm64, string? reason, string path, string access, string verdict, string? rule)
    {
        Answer own = new(x86, Path: $"'{path}'", Access: access);
        Answer theirs = new(arm64, Path: $"'{path}'", Reason: reason is null ? "NULL" : $"'{reason.Replace("'", "''", StringComparison.Ordinal)}'", Setting: "6.12", Access: access);
        Assert.Equal((verdict, rule), Machines(x86, own, arm64, theirs, Arm64));
    }

    [Fact]
    public void The_same_rule_makes_no_difference_on_one_machine()
    {
        Answer theirs = new("EFAULT", Path: Remapped, Reason: ReadOnlyLeaf, Setting: "6.12", Access: "w");
        Assert.Equal(("differ", null), Machines("EMULATE", new("EMULATE", Path: Remapped, Access: "w"), "EFAULT", theirs, "6.12.95"));
    }

    [Fact]
    public void Blocks_of_a_driver_s_memory_are_another_way_to_the_same_end() => Assert.Equal(
        ("agree", "block size: arm64 maps a driver's memory in blocks where frame and addresses agree, x86 in the size of the host's leaf"),
        Machines("FIXED", new("FIXED", Path: Remapped, Level: 1), "FIXED", new("FIXED", Path: Remapped, Level: 2, Setting: "6.12"), Arm64));

    /// <summary>A page that retried before it was mapped: with a window over it, and with one somewhere else.</summary>
    [Theory]
    [InlineData(0x5000, null)]
    [InlineData(0x9000, "retry check without a range: a window over other addresses of the VM made arm64's fault retry")]
    public void A_retry_that_no_window_over_the_page_explains_is_the_check_s(int window, string? rule)
    {
        Answer theirs = new("FIXED", Path: "'gup_fast'", Setting: "6.12");
        Assert.Equal(("agree", rule), Machines("FIXED", new("FIXED", Path: "'gup_fast'"), "FIXED", theirs, Arm64, data => data
            .Result("windows", Observed, $"SELECT '{Observed}' AS trace_id, 0::BIGINT AS window_id, 1::BIGINT AS start_seq, 4::BIGINT AS end_seq, 0 AS vm, {window}::UBIGINT AS hva_start, {window + 0x1000}::UBIGINT AS hva_end")));
    }

    private static (string Verdict, string? Rule) Machines(string x86, Answer own, string arm64, Answer theirs, string observedKernel, Action<FakeDataset>? more = null)
    {
        using FakeDataset data = new();
        data.Manifest(Predicted, "6.12.95+deb12-amd64").Manifest(Observed, observedKernel, arch: observedKernel == Arm64 ? "aarch64" : "x86_64");
        data.Result("faults", Predicted, Fault(Predicted, 0, 5, x86, own.Access));
        data.Result("faults", Observed, more is null
            ? Fault(Observed, 0, 5, arm64, theirs.Access)
            : $"{Fault(Observed, 0, 5, arm64, theirs.Access)} UNION ALL {Fault(Observed, 1, 2, "RETRY", theirs.Access)}");
        data.Result("outcomes", Predicted, Row(Predicted, "current", "6.12", own));
        data.Result("outcomes", Observed, Row(Observed, "current", "6.12", theirs));
        more?.Invoke(data);
        using Counterfactual comparison = new(new TraceReference(data.Root, Predicted), new TraceReference(data.Root, Observed), null);
        return comparison.Session.Select(
            $"SELECT verdict, rule FROM ({Counterfactual.Pages})",
            r => (r.GetString(0), r.IsDBNull(1) ? null : r.GetString(1)),
            [.. comparison.Parameters.Select(p => (p.Key, (object)p.Value))]).Single();

        static string Fault(string trace, int id, int seq, string outcome, string access) =>
            $"SELECT '{trace}' AS trace_id, {id}::BIGINT AS fault_id, {seq}::BIGINT AS seq, {seq + 1}::BIGINT AS end_seq, 0::INTEGER AS vm, 0::INTEGER AS as_id, 16::UBIGINT AS gfn, 20480::UBIGINT AS hva, '{access}' AS access, '{outcome}' AS observed_outcome";
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
            totals switch { { Agree: 1 } => "agree", { Differ: 1 } => "differ", { HostDiffers: 1 } => "host", { Rule: 1 } => "rule", { Unknown: 1 } => "unknown", _ => "none" });
        return found;
    }

    private static FakeDataset Dataset(string captured, Answer own, Answer predicted, string observed, Answer theirs, string kernel)
    {
        FakeDataset data = new();
        data.Manifest(Predicted, "6.12.95").Manifest(Observed, kernel);
        Faults(Predicted, captured);
        Faults(Observed, observed);
        data.Result("outcomes", Predicted, $"{Row(Predicted, "current", "6.12", own)} UNION ALL {Row(Predicted, "merged", "7.x", predicted)}");
        data.Result("outcomes", Observed, Row(Observed, "merged", theirs.Setting, theirs));
        return data;

        void Faults(string trace, string outcome) => data.Result(
            "faults", trace, $"SELECT '{trace}' AS trace_id, 0::BIGINT AS fault_id, 5::BIGINT AS seq, 0::INTEGER AS vm, 0::INTEGER AS as_id, 16::UBIGINT AS gfn, '{outcome}' AS observed_outcome");
    }

    private static string Row(string trace, string model, string setting, Answer answer) => $"""
        SELECT '{trace}' AS trace_id, 0::BIGINT AS fault_id, '{model}' AS model, '{setting}' AS setting, '{answer.Outcome}' AS outcome,
            {answer.Kind}::VARCHAR AS page_kind, {answer.Path}::VARCHAR AS path, {answer.Reason}::VARCHAR AS reason, {answer.Writable}::BOOLEAN AS writable,
            {answer.Level} AS level
        """;

    /// <summary>A model's answer; all but the outcome as SQL.</summary>
    private sealed record Answer(string Outcome, string Kind = "NULL", string Path = "NULL", string Reason = "NULL", string Writable = "NULL", string Setting = "7.x", string Access = "r", int Level = 1);
}
