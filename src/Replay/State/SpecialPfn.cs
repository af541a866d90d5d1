namespace TraceReplay.Replay.State;

/// <summary>Error and marker values of a pfn (spec 1.3): bits 52..62 are the error mask, bit 63 is "no slot".</summary>
public static class SpecialPfn
{
    public const ulong ErrorMask = 0x7ffUL << 52;
    public const ulong Fault = ErrorMask;
    public const ulong HwPoison = ErrorMask + 1;
    public const ulong ReadOnlyFault = ErrorMask + 2;
    public const ulong SignalPending = ErrorMask + 3;
    public const ulong NeedsIo = ErrorMask + 4;
    public const ulong NoSlot = 1UL << 63;

    // No machine has memory there: 2^51 bytes.
    private const ulong MadeUpBit = 1UL << 39;

    /// <summary>Stands for a frame that the trace does not show (spec 15.4); the same for the same gfn, aligned as it is.</summary>
    public static ulong MadeUp(ulong gfn) => MadeUpBit | (gfn & (MadeUpBit - 1));

    /// <summary>The frame stands for one that the trace does not show: it compares with nothing.</summary>
    public static bool IsMadeUp(ulong pfn) => pfn >> 39 == 1;

    /// <summary>NOSLOT is not an error pfn.</summary>
    public static bool IsError(ulong pfn) => (pfn & ErrorMask) != 0;
}
