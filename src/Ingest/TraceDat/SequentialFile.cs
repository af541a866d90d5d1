using System.Text;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>Opens a v6 file, which is read from front to end (spec/trace-formats 1.1).</summary>
internal sealed class SequentialFile(CaptureFile file, TraceDatHeader header)
{
    private const int TagSize = 10;

    /// <summary>Reads all metadata. On damage, keeps what was read and sets <see cref="CaptureInfo.Damage"/>.</summary>
    public List<BufferOption> Open(TraceDatOptions options, TraceDatMetadata metadata, CaptureInfo info)
    {
        List<BufferOption> buffers = [];
        FileMetadataReader r = new(file, header.Next, header.BigEndian);
        try
        {
            metadata.ReadHeaderInfo(r);
            metadata.ReadFtraceEvents(r);
            metadata.ReadEventFormats(r);
            uint symbols = r.U32("the size of kallsyms");
            byte[] kallsyms = r.Bytes(symbols, MetadataLimits.Symbols, "kallsyms");
            TraceDatMetadata.WarnOfRest(info, symbols, MetadataLimits.Symbols, "symbols (kallsyms)");
            info.Symbols = new SymbolTable(() => kallsyms);
            _ = r.Bytes(r.U32("the size of printk_formats"), 0, "printk_formats");
            metadata.ReadCommandLines(r);
            int cpus = (int)Math.Min(r.U32("the number of CPUs"), 1 << 16);
            string tag = Tag(r);
            if (tag == "options")
            {
                ReadOptions(r, options);
                tag = Tag(r);
            }

            options.LimitCpus(cpus);
            cpus = options.CpuCount > 0 ? Math.Min(cpus, options.CpuCount) : cpus;
            if (tag == "latency")
            {
                throw r.Damaged("the text of a latency tracer", "expected binary records (flyrecord)");
            }

            buffers.Add(ReadAreas(r, "", options.Clock ?? "", cpus, tag));
            foreach (BufferOption b in options.Buffers.Where(b => b.Name.Length > 0))
            {
                FileMetadataReader at = new(file, b.SectionOffset, header.BigEndian);
                buffers.Add(ReadAreas(at, b.Name, options.Clock ?? "", cpus, Tag(at)));
            }
        }
        catch (CaptureException e)
        {
            info.Damage = e.Damage;
        }

        return buffers;
    }

    private static string Tag(FileMetadataReader r) => Encoding.Latin1.GetString(r.Bytes(TagSize, TagSize, "a tag")).TrimEnd('\0').Trim();

    private BufferOption ReadAreas(FileMetadataReader r, string name, string clock, int cpus, string tag)
    {
        if (tag != "flyrecord")
        {
            throw r.Damaged($"the tag \"{(tag.All(char.IsAsciiLetter) ? tag : "?")}\"", "expected flyrecord");
        }

        List<CpuArea> areas = [];
        long offset = r.FileOffset - TagSize;
        for (int cpu = 0; cpu < cpus; cpu++)
        {
            areas.Add(new CpuArea(cpu, (long)r.U64("the offset of a CPU's data"), (long)r.U64("the size of a CPU's data")));
        }

        return new BufferOption(name, offset, clock, header.PageSize, areas, false);
    }

    private static void ReadOptions(FileMetadataReader r, TraceDatOptions options)
    {
        while (true)
        {
            byte[] id = r.Bytes(2, 2, "an option");
            int number = options.BigEndian ? (id[0] << 8) | id[1] : id[0] | (id[1] << 8);
            if (number == 0)
            {
                return;
            }

            uint size = r.U32("the size of an option");
            long at = r.FileOffset;
            if (!options.Add(number, r.Bytes(size, MetadataLimits.Options, $"option {number}")))
            {
                throw r.Damaged($"option {number} with {size} bytes of data before 0x{at + size:x}", "expected more");
            }
        }
    }
}
