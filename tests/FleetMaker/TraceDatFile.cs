using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.FleetMaker;

/// <summary>Writes a capture as trace.dat version 6 (spec/trace-formats sections 1 and 2): records as the kernel wrote them, on new pages.</summary>
internal static class TraceDatFile
{
    private const int PageSize = 4096;
    private const int Room = PageSize - 16;
    private const long LongestDelta = (1 << 27) - 1;

    public static byte[] Write(Sample sample, string host, IReadOnlyList<SampleEvent> events)
    {
        EventFormat[] formats = [.. events.Select(e => e.Format).Distinct().OrderBy(f => f.Id)];
        byte[][] cpus = [.. Enumerable.Range(0, Math.Max(sample.Info.Cpus, events.Max(e => e.Cpu) + 1)).Select(cpu => Pages(events.Where(e => e.Cpu == cpu)))];

        using MemoryStream file = new();
        using BinaryWriter w = new(file);
        w.Write([0x17, 0x08, 0x44, .. "tracing6\0"u8, 0, 8]);
        w.Write(PageSize);
        w.Write("header_page\0"u8);
        Text(w, $"\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:16;\tsize:{Room};\tsigned:1;\n");
        w.Write("header_event\0"u8);
        Text(w, "# compressed entry header\n\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n\tpadding     : type == 29\n\ttime_extend : type == 30\n\ttime_stamp : type == 31\n\tdata max type_len  == 28\n");
        EventFormat[] own = [.. formats.Where(f => f.System == "ftrace")];
        w.Write(own.Length);
        Array.ForEach(own, f => Text(w, FormatText(f)));
        IGrouping<string, EventFormat>[] systems = [.. formats.Where(f => f.System != "ftrace").GroupBy(f => f.System)];
        w.Write(systems.Length);
        foreach (IGrouping<string, EventFormat> system in systems)
        {
            w.Write(Encoding.ASCII.GetBytes(system.Key + "\0"));
            w.Write(system.Count());
            foreach (EventFormat f in system)
            {
                Text(w, FormatText(f));
            }
        }

        byte[] symbols = Encoding.ASCII.GetBytes(Symbols(sample));
        w.Write(symbols.Length);
        w.Write(symbols);
        w.Write(0); // printk formats
        Text(w, string.Concat(sample.Comms.OrderBy(c => c.Key).Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Key} {c.Value}\n"))));
        w.Write(cpus.Length);
        w.Write("options  \0"u8);
        Option(w, 4, $"local global [{sample.Info.Clock ?? "local"}]\n");
        Option(w, 5, $"Linux {host} {sample.Kernel} {sample.Info.Arch ?? "x86_64"}");
        w.Write((ushort)0);
        w.Write("flyrecord\0"u8);
        long at = RoundUp(file.Position + (16L * cpus.Length));
        foreach (byte[] pages in cpus)
        {
            w.Write(at);
            w.Write((long)pages.Length);
            at += pages.Length;
        }

        w.Write(new byte[RoundUp(file.Position) - file.Position]);
        Array.ForEach(cpus, w.Write);
        return file.ToArray();
    }

    private static long RoundUp(long position) => (position + PageSize - 1) / PageSize * PageSize;

    private static void Text(BinaryWriter w, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        w.Write((long)bytes.Length);
        w.Write(bytes);
    }

    private static void Option(BinaryWriter w, int id, string text)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text + "\0");
        w.Write((ushort)id);
        w.Write(bytes.Length);
        w.Write(bytes);
    }

    private static string Symbols(Sample sample)
    {
        StringBuilder text = new();
        foreach ((ulong address, string name) in sample.Symbols)
        {
            text.Append(CultureInfo.InvariantCulture, $"{address:x16} t {name}\n");
        }

        // The vendor is known from the module that was loaded.
        return text.Append(CultureInfo.InvariantCulture, $"ffffffffffff0000 t vendor\t[kvm_{sample.Info.CpuVendor ?? "unknown"}]\n").ToString();
    }

    private static string FormatText(EventFormat format)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"name: {format.Name}\nID: {format.Id}\nformat:\n");
        bool common = true;
        foreach (EventField f in format.Fields)
        {
            if (common && !f.Common)
            {
                common = false;
                text.Append('\n');
            }

            bool dataLocation = f.Type.StartsWith("__data_loc", StringComparison.Ordinal) || f.Type.StartsWith("__rel_loc", StringComparison.Ordinal);
            int bracket = dataLocation ? -1 : f.Type.LastIndexOf('[');
            string declaration = bracket < 0 ? $"{f.Type} {f.Name}" : $"{f.Type[..bracket]} {f.Name}{f.Type[bracket..]}";
            text.Append(CultureInfo.InvariantCulture, $"\tfield:{declaration};\toffset:{f.Offset};\tsize:{f.Size};\tsigned:{(f.Signed ? 1 : 0)};\n");
        }

        return text.Append("\nprint fmt: \"\"\n").ToString();
    }

    private static byte[] Pages(IEnumerable<SampleEvent> events)
    {
        using MemoryStream pages = new();
        byte[] page = new byte[PageSize];
        int used = 0;
        long lost = 0;
        long time = 0;

        void Flush()
        {
            if (used > 0)
            {
                // The number of lost records stands behind the data, where there is room for it.
                ulong flags = lost == 0 ? 0 : (1UL << 31) | (used + 8 <= Room ? 1UL << 30 : 0);
                BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(8), (uint)used | flags);
                if (lost > 0 && used + 8 <= Room)
                {
                    BinaryPrimitives.WriteInt64LittleEndian(page.AsSpan(16 + used), lost);
                }

                pages.Write(page);
            }

            page.AsSpan().Clear();
            (used, lost) = (0, 0);
        }

        foreach (SampleEvent e in events)
        {
            int padded = (e.Payload.Length + 3) & ~3;
            bool longForm = padded > 28 * 4 || padded == 0;
            int size = padded + (longForm ? 8 : 4);
            if (used + size + 16 > Room || e.LostBefore > 0 || used == 0)
            {
                Flush();
                lost = e.LostBefore;
                time = e.Time;
                BinaryPrimitives.WriteInt64LittleEndian(page, time);
            }

            long delta = e.Time - time;
            time = e.Time;
            if (delta > LongestDelta)
            {
                Word(30u | ((uint)(delta & LongestDelta) << 5));
                Word((uint)(delta >> 27));
                delta = 0;
            }

            Word(((uint)delta << 5) | (longForm ? 0u : (uint)padded / 4));
            if (longForm)
            {
                Word((uint)e.Payload.Length + 4);
            }

            e.Payload.CopyTo(page.AsSpan(16 + used));
            used += padded;
        }

        Flush();
        return pages.ToArray();

        void Word(uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(16 + used), value);
            used += 4;
        }
    }
}
