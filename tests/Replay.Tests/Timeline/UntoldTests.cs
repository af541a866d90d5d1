using TraceReplay.Replay.Tests.Captures;
using Xunit;

namespace TraceReplay.Replay.Tests.Timeline;

/// <summary>What a text does not tell is unknown in the replay: neither 0 nor guessed.</summary>
public sealed class UntoldTests : IDisposable
{
    private const string Fault = "kvm_page_fault: vcpu 3 rip 0x1000 address 0x0000000000005000 error_code 0x6";
    private const string OldFault = "kvm_page_fault: address 5000 error_code 6";
    private const string Fast = "fast_page_fault: vcpu 3 gva 5000 error_code P|W sptep 00000000fd98c937 old 0x107400825 new 107400827 spurious 0 fixed 1";
    private const string OtherEvent = "kvm_fpu: load";
    private const string Entry = "kvm_entry: vcpu 3, rip 0x1000";

    private readonly string _text = Path.Combine(Path.GetTempPath(), $"tracereplay-untold-{Guid.NewGuid():N}.txt");

    [Theory]
    [InlineData("6.12.95", "FIXED_FAST", "1078272")]
    [InlineData("6.1.192", "FIXED_FAST", "1078272")]
    [InlineData(null, "UNKNOWN", null)]
    public void Whether_the_fast_path_fixed_it_is_known_with_the_kernel(string? kernel, string outcome, string? pfn)
    {
        Dictionary<string, string?> fault = Assert.Single(Replay(kernel, Fault, Fast, Entry).Result("faults"));
        Assert.Equal(outcome, fault["observed_outcome"]);
        Assert.Equal(pfn, fault["observed_pfn"]);
    }

    [Theory]
    [InlineData(Fault, OtherEvent, "3")]
    [InlineData(OldFault, Entry, "3")]
    [InlineData(OldFault, OtherEvent, null)]
    public void A_vcpu_that_no_event_of_the_thread_shows_is_NULL(string fault, string next, string? vcpu) =>
        Assert.Equal(vcpu, Assert.Single(Replay("6.12", fault, next).Result("faults"))["vcpu"]);

    // trace-cmd fills up the event's name and prints KVM_EXIT_UNKNOWN whatever errno was.
    [Theory]
    [InlineData("kvm_userspace_exit: reason error (14)", "EFAULT", 0)]
    [InlineData("kvm_userspace_exit:   reason KVM_EXIT_UNKNOWN (0)", "UNKNOWN", 1)]
    public void An_exit_without_errno_says_nothing_of_the_outcome(string exit, string outcome, int warnings)
    {
        ReplayedCapture replayed = Replay("6.12", Fault, exit);
        Assert.Equal(outcome, Assert.Single(replayed.Result("faults"))["observed_outcome"]);
        Assert.Equal(warnings, replayed.Report.Warnings.Count(w => w.StartsWith("1 faults have an unknown outcome", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_fault_whose_address_is_not_shown_is_counted_and_has_no_row()
    {
        ReplayedCapture replayed = Replay("6.12", Fault, Entry, "kvm_page_fault: something else", Entry);
        Assert.Single(replayed.Result("faults"));
        Assert.Contains(replayed.Report.Warnings, w => w.StartsWith("1 events were not used, as the capture does not tell their values; 1 of them are faults", StringComparison.Ordinal));
        Assert.Contains("events whose values the capture does not tell: 1", replayed.Result("assumptions").Single(a => a["assumption"] == "AS-7")["detail"], StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_kernel_no_model_is_called_true() =>
        Assert.Contains(Replay(null, Fault, Entry).Report.Warnings, w => w.Contains("--kernel", StringComparison.Ordinal));

    [Fact]
    public void A_probe_that_read_through_NULL_shows_no_slot()
    {
        // As 6.12 recorded it for an address without a memslot.
        Dictionary<string, string?> fault = Assert.Single(Replay(
            "6.12",
            "kvm_page_fault: vcpu 0 rip 0x1000 address 0x0000000040002000 error_code 0x4",
            "faultin: (kvm_faultin_pfn+0x4/0x620 [kvm]) addr=0x40002000 gfn=0x40002 mmu_seq=0 slot_id=1632 slot_flags=0x13d0000 slot_base=0xffffc90001080800 slot_npages=73131884543 slot_hva=0x6340000000000",
            Entry).Result("faults"));
        Assert.Null(fault["slot_id"]);
    }

    public void Dispose() => File.Delete(_text);

    private ReplayedCapture Replay(string? kernel, params string[] events)
    {
        // The same bytes would be the same capture, whatever kernel is named the second time.
        File.WriteAllLines(_text, events.Select((e, i) => $"CPU 3/KVM-17 [001] ..... 1.{i:000000}: {e}").Prepend($"# {kernel}"));
        return ReplayedCapture.Of(_text, kernel);
    }
}
