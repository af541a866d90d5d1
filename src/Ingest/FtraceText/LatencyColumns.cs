namespace TraceReplay.Ingest.FtraceText;

/// <summary>The columns <c>d..1.</c>: interrupts off, need-resched, context, preemption depth, migration disabled (since 5.16).</summary>
internal static class LatencyColumns
{
    private const byte IrqsOff = 0x01;
    private const byte NeedReschedLazy = 0x02;
    private const byte NeedResched = 0x04;
    private const byte HardIrq = 0x08;
    private const byte SoftIrq = 0x10;
    private const byte PreemptResched = 0x20;
    private const byte BhOff = 0x80;

    /// <returns>null for what the columns do not tell.</returns>
    public static (byte? Flags, byte? PreemptCount) Decode(ReadOnlySpan<byte> columns)
    {
        if (columns.Length is not (4 or 5))
        {
            return (null, null);
        }

        int? irqs = columns[0] switch
        {
            (byte)'.' => 0,
            (byte)'d' => IrqsOff,
            (byte)'b' => BhOff,
            (byte)'D' => IrqsOff | BhOff,
            _ => null,
        };
        int? resched = columns[1] switch
        {
            (byte)'.' => 0,
            (byte)'n' => NeedResched,
            (byte)'p' => PreemptResched,
            (byte)'N' => NeedResched | PreemptResched,
            (byte)'l' => NeedReschedLazy,
            (byte)'b' => NeedReschedLazy | NeedResched,
            (byte)'L' => NeedReschedLazy | PreemptResched,
            (byte)'B' => NeedReschedLazy | NeedResched | PreemptResched,
            _ => null,
        };

        // In an NMI the column no longer tells whether a softirq was below it.
        int? context = columns[2] switch
        {
            (byte)'.' => 0,
            (byte)'s' => SoftIrq,
            (byte)'h' => HardIrq,
            (byte)'H' => HardIrq | SoftIrq,
            _ => null,
        };
        int? depth = Depth(columns[3]);
        int? migrate = columns.Length == 5 ? Depth(columns[4]) << 4 : 0;
        return ((byte?)(irqs | resched | context), (byte?)(depth | migrate));
    }

    private static int? Depth(byte column) => column == '.' ? 0 : char.IsAsciiHexDigit((char)column) ? Convert.ToInt32(((char)column).ToString(), 16) : null;
}
