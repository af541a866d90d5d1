using TraceReplay.Replay.Operations;

namespace TraceReplay.Replay.Timeline.Arm64;

/// <summary>ESR_EL2 of an abort taken from the guest (the architecture's ISS encoding for data and instruction aborts).</summary>
internal readonly record struct Syndrome(ulong Esr)
{
    private const ulong InstructionAbortFromLower = 0x20;

    public bool IsInstruction => ((Esr >> 26) & 0x3f) == InstructionAbortFromLower;

    public bool IsSyndromeValid => (Esr & (1UL << 24)) != 0;

    public bool IsCacheMaintenance => !IsInstruction && (Esr & (1UL << 8)) != 0;

    public bool IsTableWalk => (Esr & (1UL << 7)) != 0;

    /// <summary>0b0001xx translation, 0b0010xx access flag, 0b0011xx permission; xx is the level of the walk.</summary>
    private ulong FaultStatus => Esr & 0x3f;

    public bool IsAccessFlag => FaultStatus >> 2 == 2;

    public bool IsPermission => FaultStatus >> 2 == 3;

    /// <summary>
    /// Level of the leaf that the walk met, 1 for 4 KiB; 0 if it met none. The architecture counts from the root: its level 3 is a page.
    /// </summary>
    public int MetLevel => IsPermission || IsAccessFlag ? Math.Clamp(4 - (int)(FaultStatus & 3), 1, 3) : 0;

    public FaultAccess Access
    {
        get
        {
            // Of a walk of the guest's tables only a permission fault is a write: it sets their access flags (kvm_is_write_fault).
            bool write = IsTableWalk ? IsPermission : !IsInstruction && (Esr & (1UL << 6)) != 0;
            return (IsInstruction ? FaultAccess.Exec : FaultAccess.None)
                | (write ? FaultAccess.Write : FaultAccess.None)
                | (MetLevel > 0 ? FaultAccess.Present : FaultAccess.None)
                | (IsAccessFlag ? FaultAccess.AccessFlag : FaultAccess.None)
                | (IsTableWalk ? FaultAccess.TableWalk : FaultAccess.None)
                | (IsCacheMaintenance ? FaultAccess.CacheMaintenance : FaultAccess.None)
                | (!IsInstruction && !IsSyndromeValid ? FaultAccess.NoSyndrome : FaultAccess.None);
        }
    }
}
