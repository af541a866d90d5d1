using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Tests.Captures;
using TraceReplay.Replay.Timeline;
using TraceReplay.Replay.Timeline.Kernel;
using Xunit;

namespace TraceReplay.Replay.Tests.Timeline.Kernel;

/// <summary>What the captured kernel is, by what its records show. The lines are those of such kernels, with other addresses.</summary>
public sealed class CapturedKernelTests : IDisposable
{
    private const string Entry = "kvm_entry: vcpu 0, rip 0x1000";
    private const string Entry7 = "kvm_entry: vcpu 0, rip 0x1000 intr_info 0x00000000 error_code 0x00000000";
    private const string Npf = "kvm_exit: vcpu 0 reason npf rip 0x1000 info1 0x0000000100000014 info2 0x0000000000001000 intr_info 0x00000000 error_code 0x00000000";
    private const string Npf7 = Npf + " requests 0x0000000000000000";
    private const string Violation = "kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x1000 info1 0x0000000000000184 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000";
    private const string Fault = "kvm_page_fault: vcpu 0 rip 0x1000 address 0x0000000000001000 error_code 0x100000014";
    private const string EptFault = "kvm_page_fault: vcpu 0 rip 0x1000 address 0x0000000000001000 error_code 0x184";
    private const string Requested = "kvm_mmu_spte_requested: gfn 1 pfn 113997 level 1";
    private const string Requested7 = Requested + " access f";
    private const string Link61 = "kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 4 old_spte 0 new_spte 108685827";
    private const string Link = "kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 4 old_spte 8000000000000000 new_spte 11fd5e827";
    private const string Set = "kvm_mmu_set_spte: gfn 1 spte 113997e67 (rwxu) level 1 at 108685008";
    private const string Frozen612 = "kvm_tdp_mmu_spte_changed: as id 0 gfn 200 level 1 old_spte 11fd5ee67 new_spte 80000000000005a0";
    private const string Frozen616 = "kvm_tdp_mmu_spte_changed: as id 0 gfn 200 level 1 old_spte 11fd5ee67 new_spte 80000000000001a0";
    private const string TdpFault = "tdp_fault: (kvm_tdp_page_fault+0x0/0xd0 [kvm]) addr=0x1000";

    private readonly string _text = Path.Combine(Path.GetTempPath(), $"tracereplay-kernel-{Guid.NewGuid():N}.txt");

    public static TheoryData<string, string[]> Kernels() => new()
    {
        { "6.1", [Entry, Npf, Fault, Requested, Link61, Set] },
        { "6.12", [Entry, Npf, Fault, Requested, Link, Set] },
        { "6.12", [Entry, Npf, Fault, Requested, Link, Set, Frozen612] },
        { "6.18", [Entry7, Npf7, Fault, Requested, Link, Set, Frozen616] },
        { "7.2", [Entry7, Npf7, Fault, Requested7, Link, Set, Frozen616] },
    };

    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_kernel_without_a_name_is_known_by_its_records(string kernel, string[] events)
    {
        ReplayedCapture replayed = Replay(null, events);
        Assert.Contains(replayed.Report.Warnings, w => w.StartsWith($"the captured kernel is taken to be like {kernel}, inferred from its records: ", StringComparison.Ordinal));
        Assert.Contains($"kernel {kernel} (inferred from its records), AMD NPT", About(replayed), StringComparison.Ordinal);
        Assert.NotEmpty(replayed.Result("fidelity"));
    }

    // Nothing here tells 6.1 from 6.12, or 6.12 from 6.18.
    [Theory]
    [InlineData(Npf, Fault)]
    [InlineData(Fault, Link)]
    public void Where_the_records_do_not_decide_it_stays_unknown(params string[] events)
    {
        ReplayedCapture replayed = Replay(null, events);
        Assert.Contains(replayed.Report.Warnings, w => w.StartsWith("the captured kernel's release is not known", StringComparison.Ordinal));
        Assert.Contains("kernel unknown,", About(replayed), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_name_that_fits_is_taken_without_a_word(string kernel, string[] events) =>
        Assert.DoesNotContain(Replay(kernel, events).Report.Warnings, w => w.Contains("records", StringComparison.Ordinal));

    [Theory]
    [InlineData("6.12.95", "kvm_entry has the field intr_info (6.13 or later)", Entry7, Fault)]
    [InlineData("6.12.95", "kvm_mmu_spte_requested has the field access (6.19 or later)", Fault, Requested7)]
    [InlineData("6.12.95", "an empty SPTE is 0 (before 6.10)", Fault, Link61)]
    [InlineData("6.1.192", "an empty SPTE is 8000000000000000 (6.2 or later)", Fault, Link)]
    [InlineData("7.2.12", "a frozen SPTE is 80000000000005a0 (6.2 or later, before 7.2)", Fault, Frozen612)]
    [InlineData("6.12.95", "RET_PF_FIXED is 4 (5.11 or later, before 6.12)", Fault, TdpFault, Set, "tdp_fault_ret: (kvm_mmu_do_page_fault+0x1/0x2 [kvm] <- kvm_tdp_page_fault) ret=4")]
    [InlineData("6.12.95", "kvm_set_spte_hva is recorded (5.13 or later, before 6.10)", Fault, "kvm_set_spte_hva: mmu notifier set pte hva: 0x7f0000001000")]
    [InlineData("6.12.95", "kvm_mmu_faultin_pfn is probed (6.13 or later)", Fault, "faultin: (kvm_mmu_faultin_pfn+0x4/0x620 [kvm]) gfn=0x1 slot_id=0 slot_flags=0x0 slot_base=0x0 slot_npages=16 slot_hva=0x7f0000000000")]
    public void A_name_that_the_records_contradict_is_said(string kernel, string evidence, params string[] events) =>
        Assert.Contains(Replay(kernel, events).Report.Warnings, w => w == $"the records are not those of kernel {kernel}: {evidence}");

    [Fact]
    public void Records_of_two_kernels_are_those_of_none() =>
        Assert.Contains(Replay(null, Fault, Requested7, Link61).Report.Warnings, w => w.StartsWith("the records are those of no one kernel: ", StringComparison.Ordinal));

    [Theory]
    [InlineData("Intel EPT (vendor recorded)", Violation)]
    [InlineData("AMD NPT (vendor recorded)", Npf)]
    [InlineData("Intel EPT (vendor inferred: kvm_page_fault's error codes are exit qualifications)", EptFault)]
    [InlineData("AMD NPT (vendor inferred: kvm_page_fault's error codes are those of nested page faults)", Fault)]
    [InlineData("Intel EPT (vendor inferred: SPTEs have EPT's bits)", "kvm_mmu_set_spte: gfn 1 spte 600000113997b77 (rwxu) level 1 at 108685008")]
    [InlineData("AMD NPT (vendor inferred: SPTEs have NPT's bits)", Set)]
    [InlineData("Intel EPT (vendor inferred: MMIO SPTEs are EPT's (110b))", "check_mmio_spte: spte 8000000007a1206 kvm_gen 3 spte-gen 3 valid")]
    [InlineData("AMD NPT (vendor not told, taken for it)", Entry)]
    public void The_vendor_is_known_by_what_tells_it(string vendor, string e) =>
        Assert.Contains(vendor, CapturedBy(e), StringComparison.Ordinal);

    [Fact]
    public void On_Intel_the_error_code_of_a_fault_is_an_exit_qualification() =>
        Assert.Equal("x", Assert.Single(Replay("6.12.95", EptFault, Entry).Result("faults"))["access"]);

    [Fact]
    public void A_vendor_that_the_records_contradict_is_said()
    {
        CapturedKernel kernel = CapturedKernel.Of("6.12", "amd", [], [new VendorEvidence(true, "kvm_exit's isa is VMX")], null, new VendorCounts());
        Assert.True(kernel.Intel);
        Assert.Equal("the CPU's vendor is contradicted: taken for Intel as kvm_exit's isa is VMX, but the capture names amd", Assert.Single(kernel.Warnings));
    }

    [Theory]
    [InlineData(3, 0, 0)]
    [InlineData(0, 3, 1)]
    public void The_software_bits_of_EPT_are_those_that_leaves_have(long old, long new7, int layout) =>
        Assert.Equal(
            (layout == 0 ? SpteLayout.Ept : SpteLayout.Ept7) with { Frozen = SpteLayout.SuppressVe | 0x1a0 },
            CapturedKernel.Of("6.19", "intel", [], [], null, new VendorCounts { EptLeavesOld = old, EptLeavesNew = new7 }).Layout);

    /// <summary>5.10 counts from 0 (spec 1.4); the lines are those of a capture of it.</summary>
    [Theory]
    [InlineData("5.10.0-46-amd64", 3, "FIXED", Set)]
    [InlineData("5.10.0-46-amd64", 0, "RETRY", null)]
    [InlineData("5.10.0-46-amd64", 1, "EMULATE", null)]
    [InlineData("5.10.0-46-amd64", 4, "SPURIOUS", null)]
    [InlineData("6.1.192", 4, "FIXED", Set)]
    [InlineData("6.1.192", 5, "SPURIOUS", null)]
    [InlineData("6.1.192", 3, "UNKNOWN", null)]
    [InlineData("6.12.95", 5, "FIXED", Set)]
    [InlineData("6.12.95", 3, "WRITE_PROTECTED", null)]
    [InlineData("6.9.1", 4, "FIXED", Set)]
    [InlineData("6.11.1", 5, "FIXED", Set)] // A tree in between: what it shows goes before what its name says.
    public void Return_codes_are_the_kernel_s_own(string kernel, int code, string outcome, string? leaf)
    {
        string[] events = [Fault, TdpFault, .. leaf is null ? (string[])[] : [leaf], $"tdp_fault_ret: (kvm_mmu_do_page_fault+0x1/0x2 [kvm] <- kvm_tdp_page_fault) ret={code}", Entry];
        Assert.Equal(outcome, Assert.Single(Replay(kernel, events).Result("faults"))["observed_outcome"]);
    }

    /// <summary>
    /// Every release from 5.4 to 7.3 by its name alone. Numbers of RET_PF, the frozen value and where the snapshot is taken: spec 0.4, 1.4, and the
    /// captures of 5.10, 6.1, 6.12, 6.16, 6.18, 7.2 and 7.3; in between by the commits that changed them (RET_PF_CONTINUE in 5.19,
    /// RET_PF_WRITE_PROTECTED in 6.12, the snapshot in 6.3, entries that suppress #VE in 6.10).
    /// </summary>
    [Theory]
    [InlineData(5004, 5012, "current", "6.1", 3, 0x5a0UL, false, false)]
    [InlineData(5013, 5018, "current", "6.1", 3, 0x5a0UL, false, true)]
    [InlineData(5019, 5019, "current", "6.1", 4, 0x5a0UL, false, true)]
    [InlineData(6000, 6002, "current", "6.1", 4, 0x5a0UL, false, true)]
    [InlineData(6003, 6007, "current", "6.1", 4, 0x5a0UL, true, true)]
    [InlineData(6008, 6009, "current", "6.8", 4, 0x5a0UL, true, true)]
    [InlineData(6010, 6011, "current", "6.8", 4, 0x80000000000005a0UL, true, true)]
    [InlineData(6012, 6012, "current", "6.12", 5, 0x80000000000005a0UL, true, true)]
    [InlineData(6013, 6019, "merged", "7.x", 5, 0x80000000000001a0UL, true, true)]
    [InlineData(7000, 7002, "merged", "7.x", 5, 0x80000000000001a0UL, true, true)]
    [InlineData(7003, 7003, "merged", "7.3", 5, 0x80000000000001a0UL, true, true)]
    public void Every_release_has_a_setting_and_the_numbers_of_its_time(int from, int to, string model, string setting, int retPfFixed, ulong frozen, bool snapshotInLookup, bool showsWindows)
    {
        int[] compared = [5010, 6001, 6012, 6016, 6018, 7002, 7003];
        for (int version = from; version <= to; version++)
        {
            CapturedKernel kernel = CapturedKernel.Of($"{Releases.Name(version)}.7-generic", "amd", [], [], null, new VendorCounts());
            Assert.Equal(
                (version, model, setting, retPfFixed, frozen, snapshotInLookup, showsWindows),
                (version, kernel.Model, kernel.Setting, kernel.ReturnCodes.Fixed, kernel.Layout.Frozen, kernel.SnapshotInLookup, kernel.ShowsWindows(new HashSet<EventKind>())));
            Assert.Equal(compared.Contains(version) ? 0 : 1, kernel.Warnings.Count);
            Assert.All(kernel.Warnings, w => Assert.StartsWith($"no capture of {Releases.Name(version)} was compared with a model (the nearest: ", w, StringComparison.Ordinal));
            Assert.All(kernel.Warnings, w => Assert.Contains($"replayed as {model} {setting}", w, StringComparison.Ordinal));
        }
    }

    /// <summary>A name that the capture's own descriptions of its events contradict: a vendor's tree may have another release's KVM.</summary>
    [Theory]
    [InlineData("5.14.0-427.el9", 5016, 6010, "current", "6.1")]
    [InlineData("5.14.0-570.el9", 6002, 7002, "current", "6.12")]
    [InlineData("6.12.95", 5011, 6010, "current", "6.1")]
    [InlineData("6.1.192", 6019, Releases.Open, "merged", "7.x")]
    [InlineData("7.3.4", 6002, 6016, "current", "6.12")]
    [InlineData("6.6.30", 5016, 6010, "current", "6.1")]
    [InlineData("6.12.95", 6003, 6004, "current", "6.12")] // Those of no kernel that is known.
    public void The_nearest_setting_is_one_that_the_records_do_not_contradict(string named, int from, int before, string model, string setting)
    {
        ReleaseEvidence[] forms = [new("an event has a field", new Releases(from, before))];
        CapturedKernel described = CapturedKernel.Of(named, "amd", forms, [], null, new VendorCounts(), described: true);
        Assert.Equal((model, setting), (described.Model, described.Setting));
        CapturedKernel text = CapturedKernel.Of(named, "amd", forms, [], null, new VendorCounts());
        Assert.Equal(CapturedKernel.Of(named, "amd", [], [], null, new VendorCounts()).Setting, text.Setting);
        Assert.Contains(described.Warnings, w => w.Contains(named, StringComparison.Ordinal) || w.Contains("no capture of 6.6", StringComparison.Ordinal));
    }

    public void Dispose() => File.Delete(_text);

    private string CapturedBy(string e) => About(Replay("6.12.95", e));

    private static string About(ReplayedCapture replayed) => replayed.Result("assumptions").Single(a => a["assumption"] == "AS-8")["detail"]!;

    private ReplayedCapture Replay(string? kernel, params string[] events)
    {
        File.WriteAllLines(_text, events.Select((e, i) => $"CPU 0/KVM-17 [001] ..... 1.{i:000000}: {e}").Prepend($"# {kernel} {Guid.NewGuid():N}"));
        return ReplayedCapture.With(_text, new ReplayOptions { Kernel = kernel });
    }
}
