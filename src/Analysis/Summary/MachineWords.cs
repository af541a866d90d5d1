using TraceReplay.Analysis.Knowledge;

namespace TraceReplay.Analysis.Summary;

/// <summary>What a machine's parts are called, where a sentence is the same for all.</summary>
/// <param name="Leaf">The entry that maps a guest page.</param>
/// <param name="ALeaf">The same with its article.</param>
/// <param name="FaultEvent">The event that begins a fault.</param>
internal sealed record MachineWords(string Leaf, string ALeaf, string FaultEvent)
{
    private static readonly MachineWords s_x86 = new("SPTE", "an SPTE", "kvm_page_fault");
    private static readonly MachineWords s_arm64 = new("stage-2 leaf", "a stage-2 leaf", "kvm_guest_fault");

    public static MachineWords Of(CapturedTrace trace) => MachineOf(trace) == Machine.Arm64 ? s_arm64 : s_x86;

    public static Machine MachineOf(CapturedTrace trace) => Machines.Of(trace.Arch, trace.Kernel, []);
}
