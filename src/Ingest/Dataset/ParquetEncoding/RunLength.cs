namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>Parquet's hybrid of runs and bit-packed groups of eight: levels and dictionary indexes.</summary>
internal static class RunLength
{
    private const int Group = 8;

    /// <param name="values">Numbers below 2^<paramref name="width"/>.</param>
    /// <param name="width">Bits, 1 to 16.</param>
    public static void Encode(ReadOnlySpan<ushort> values, int width, ByteBuffer output, bool vectors = true)
    {
        // A run takes up to four bytes, and as many the header of the groups after it: shorter ones are cheaper packed.
        int worth = Math.Max(2 * Group, 64 / width);
        int packed = 0;
        int at = 0;
        while (at < values.Length)
        {
            int run = values[at..].IndexOfAnyExcept(values[at]);
            bool last = run < 0;
            run = last ? values.Length - at : run;
            if (run >= worth || (last && at == packed))
            {
                Pack(values[packed..at], width, output, vectors);
                Run(values[at], run, width, output);
                at += run;
                packed = at;
            }
            else
            {
                // Packed groups are whole but for the last, so a run can begin only behind one.
                at = Math.Min(at + Group, values.Length);
            }
        }

        Pack(values[packed..], width, output, vectors);
    }

    public static void Run(ushort value, int count, int width, ByteBuffer output)
    {
        output.WriteVarint((ulong)count << 1);
        output.WriteByte((byte)value);
        if (width > 8)
        {
            output.WriteByte((byte)(value >> 8));
        }
    }

    /// <summary>Whole groups of eight without a header; what the last one lacks is 0.</summary>
    public static void PackGroups(ReadOnlySpan<ushort> values, int width, ByteBuffer output, bool vectors = true)
    {
        int groups = (values.Length + Group - 1) / Group;
        Span<byte> into = output.Reserve((groups * width) + 16);
        int at = 0;
        for (; values.Length >= Group; values = values[Group..], at += width)
        {
            BitPacking.Pack8(values, width, into[at..], vectors);
        }

        if (!values.IsEmpty)
        {
            Span<ushort> rest = stackalloc ushort[Group];
            rest.Clear();
            values.CopyTo(rest);
            BitPacking.Pack8(rest, width, into[at..], vectors);
        }

        output.Advance(groups * width);
    }

    private static void Pack(ReadOnlySpan<ushort> values, int width, ByteBuffer output, bool vectors)
    {
        if (!values.IsEmpty)
        {
            int groups = (values.Length + Group - 1) / Group;
            output.WriteVarint(((ulong)groups << 1) | 1);
            PackGroups(values, width, output, vectors);
        }
    }
}
