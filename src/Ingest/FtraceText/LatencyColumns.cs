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

    private const int Unknown = -1;

    private static readonly int[] s_irqs = Table(
        ('.', 0),
        ('d', IrqsOff),
        ('b', BhOff),
        ('D', IrqsOff | BhOff));

    private static readonly int[] s_resched = Table(
        ('.', 0),
        ('n', NeedResched),
        ('p', PreemptResched),
        ('N', NeedResched | PreemptResched),
        ('l', NeedReschedLazy),
        ('b', NeedReschedLazy | NeedResched),
        ('L', NeedReschedLazy | PreemptResched),
        ('B', NeedReschedLazy | NeedResched | PreemptResched));

    // In an NMI the column no longer tells whether a softirq was below it.
    private static readonly int[] s_context = Table(
        ('.', 0),
        ('s', SoftIrq),
        ('h', HardIrq),
        ('H', HardIrq | SoftIrq));

    private static readonly int[] s_depth = Table([('.', 0), .. "0123456789abcdef".Select((c, i) => (c, i)), .. "ABCDEF".Select((c, i) => (c, i + 10))]);

    /// <returns>null for what the columns do not tell.</returns>
    public static (byte? Flags, byte? PreemptCount) Decode(ReadOnlySpan<byte> columns)
    {
        if (columns.Length is not (4 or 5))
        {
            return (null, null);
        }

        // What one column does not tell makes the whole negative.
        int flags = s_irqs[columns[0]] | s_resched[columns[1]] | s_context[columns[2]];
        int depth = s_depth[columns[3]] | (columns.Length == 5 ? s_depth[columns[4]] << 4 : 0);
        return (flags < 0 ? null : (byte)flags, depth < 0 ? null : (byte)depth);
    }

    private static int[] Table(params (char Column, int Means)[] columns)
    {
        int[] table = new int[256];
        Array.Fill(table, Unknown);
        foreach ((char column, int means) in columns)
        {
            table[column] = means;
        }

        return table;
    }
}
