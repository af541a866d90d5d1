using TraceReplay.Replay.Tests.Judging;
using Xunit;

namespace TraceReplay.Replay.Tests.Kinds;

/// <summary>Sequences in which a replay and a kernel came to disagree, made by hand from the kernel's logic: now there is no miss in any quantity.</summary>
public class ExcerptTests
{
    [Fact]
    public void The_completion_of_an_async_page_fault_belongs_to_no_guest_fault() =>
        Expect("k1.612.txt", "6.12.95", "FIXED", "ASYNC: read off");

    [Fact]
    public void An_install_that_is_recorded_late_came_before_the_fault_that_found_it() =>
        Expect("k2.72.txt", "7.2.12", "FIXED", "FIXED", "SPURIOUS: in SPURIOUS|RETRY");

    [Fact]
    public void An_mprotect_acts_within_its_call_and_not_at_its_entry() =>
        Expect("k3.61.txt", "6.1.192", "FIXED", "EFAULT");

    [Fact]
    public void A_page_mapped_over_an_MMIO_SPTE_has_no_dirty_bit_up_to_6_12() =>
        Expect("k4.612.txt", "6.12.95", "FIXED", "EMULATE", "FIXED");

    [Fact]
    public void Roots_go_at_kvm_mmu_zap_all_fast_and_not_at_the_memslot_calls_entry() =>
        Expect("k5.72.txt", "7.2.12", "FIXED", "FIXED", "FIXED");

    [Fact]
    public void Children_are_recorded_before_the_huge_leaf_that_takes_their_place() =>
        Expect("k6.72.txt", "7.2.12", "FIXED", "FIXED", "FIXED", "FIXED_FAST");

    private static void Expect(string file, string kernel, params string[] standings) => Standings.Expect(
        Texts.Judge(file, () => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Kinds", "Data", file)), kernel), standings);
}
