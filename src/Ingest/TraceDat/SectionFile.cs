using System.Buffers.Binary;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>Opens a v7 file: the chain of option sections, then the sections they point to (spec/trace-formats 1.2).</summary>
internal sealed class SectionFile(CaptureFile file, TraceDatHeader header)
{
    private const int IdHeaderInfo = 16;
    private const int IdFtraceEvents = 17;
    private const int IdEventFormats = 18;
    private const int IdKallsyms = 19;
    private const int IdCmdlines = 21;
    private const int IdStrings = 15;
    private const int FlagCompressed = 1;
    private const int SectionHeaderSize = 16;

    private readonly record struct Section(int Id, bool Compressed, long Body, long Size);

    private long _optionsEnd;
    private bool _namesSections;

    /// <summary>Reads all metadata. On damage, keeps what was read and sets <see cref="CaptureInfo.Damage"/>.</summary>
    public void Open(TraceDatOptions options, TraceDatMetadata metadata, CaptureInfo info)
    {
        try
        {
            ReadOptions(options, info);
        }
        catch (CaptureException e)
        {
            info.Damage = e.Damage;
            if (options.Buffers.Count == 0 && BufferRecovery.Find(file, header, _optionsEnd, Math.Max(1, options.CpuCount)) is { } found)
            {
                options.Buffers.Add(found);
                info.Warnings.Add("the part that describes the buffers is missing; the data of CPUs were found by their layout and numbered in order");
            }
        }

        try
        {
            ReadSection(options, IdHeaderInfo, "header page", metadata.ReadHeaderInfo);
            ReadSection(options, IdFtraceEvents, "ftrace event formats", metadata.ReadFtraceEvents);
            ReadSection(options, IdEventFormats, "event formats", metadata.ReadEventFormats);
            ReadSection(options, IdCmdlines, "command lines", metadata.ReadCommandLines);
        }
        catch (CaptureException e)
        {
            info.Damage ??= e.Damage;
        }

        if (options.Buffers.Count == 0)
        {
            info.Damage ??= file.Damaged(header.Next, "options that name no buffer", "expected one with the data of CPUs").Damage;
        }

        if (options.Sections.TryGetValue(IdKallsyms, out long kallsyms))
        {
            info.Symbols = new SymbolTable(() => ReadKallsyms(kallsyms, info));
        }
    }

    /// <summary>Whether the chunks of a buffer section are compressed.</summary>
    public bool BufferCompressed(long offset) => ReadSectionHeader(offset, "a buffer section").Compressed;

    private void ReadOptions(TraceDatOptions options, CaptureInfo info)
    {
        Span<byte> first = stackalloc byte[8];
        file.ReadExactly(header.Next, first, "the offset of the first options section");
        long next = (long)U64(first);
        if (next == 0)
        {
            throw file.Damaged(header.Next, "0 as the place of the options", "expected where they lie: the recorder did not end well");
        }

        HashSet<long> seen = [];
        for (long from = header.Next; next != 0;)
        {
            if (!seen.Add(next))
            {
                throw file.Damaged(from, $"options that continue at 0x{next:x} again", "expected an end of the chain of options");
            }

            from = next;
            next = ReadOptionsSection(next, options);
        }

        CheckTail(info);
    }

    /// <summary>Real files end with the strings' section, which no option points to: its end is the file's.</summary>
    private void CheckTail(CaptureInfo info)
    {
        long left = file.Length - _optionsEnd;
        if (left <= 0)
        {
            if (_namesSections)
            {
                // trace-cmd restore writes none.
                info.Warnings.Add("the strings that the file's sections are named by are missing at its end: nothing else is");
            }

            return;
        }

        Span<byte> h = stackalloc byte[SectionHeaderSize];
        file.ReadExactly(_optionsEnd, h, "the header of the strings' section");
        SpanCursor c = new(h, header.BigEndian);
        _ = c.TryU16(out ushort id);
        _ = c.TryU16(out _);
        _ = c.TryU32(out _);
        _ = c.TryU64(out ulong size);
        if (id == IdStrings && size > (ulong)(left - SectionHeaderSize))
        {
            throw file.Damaged(file.Length, $"the file ends at 0x{file.Length:x}", $"expected {size} bytes of strings from 0x{_optionsEnd + SectionHeaderSize:x} on");
        }
    }

    private long ReadOptionsSection(long offset, TraceDatOptions options)
    {
        Section section = ReadSectionHeader(offset, "an options section");
        if (section.Id != 0)
        {
            throw file.Damaged(offset, $"a section with id {section.Id}", "expected an options section (id 0)");
        }

        byte[] body = Body(section);
        _optionsEnd = section.Body + section.Size;
        SpanCursor c = new(body, header.BigEndian);
        while (true)
        {
            int at = c.Position;
            long where = section.Compressed ? offset : section.Body + at;
            if (!c.TryU16(out ushort id) || !c.TryU32(out uint size))
            {
                throw file.Damaged(where, "the end of the section", "expected an option with the offset of the next section");
            }

            if (!c.TryBytes(size, out ReadOnlySpan<byte> data))
            {
                throw file.Damaged(where, $"option {id} of {size} bytes with {c.Remaining} left", "expected it within its section");
            }

            if (id == 0)
            {
                return data.Length < 8 ? throw file.Damaged(where, $"{data.Length} bytes", "expected the 8-byte offset of the next section") : (long)U64(data);
            }

            if (!options.Add(id, data))
            {
                throw file.Damaged(where, $"option {id} with {size} bytes of data", "expected more");
            }
        }
    }

    private void ReadSection(TraceDatOptions options, int id, string what, Action<IMetadataReader> read)
    {
        if (!options.Sections.TryGetValue(id, out long offset))
        {
            return;
        }

        Section section = ReadSectionHeader(offset, what);
        if (section.Id != id)
        {
            throw file.Damaged(offset, $"a section with id {section.Id}", $"expected {what} (id {id})");
        }

        ReadSection(section, offset, read);
    }

    private void ReadSection(Section section, long offset, Action<IMetadataReader> read)
    {
        if (!section.Compressed)
        {
            read(new FileMetadataReader(file, section.Body, header.BigEndian));
            return;
        }

        (Stream plain, ulong length, CaptureDamage packed) = Unpack(section);
        using StreamMetadataReader reader = new(file, offset, plain, length, header.BigEndian, packed);
        read(reader);
    }

    private byte[] ReadKallsyms(long offset, CaptureInfo info)
    {
        try
        {
            byte[] symbols = [];
            ReadSection(ReadSectionHeader(offset, "kallsyms"), offset, r =>
            {
                uint size = r.U32("the size of kallsyms");
                symbols = r.Bytes(size, MetadataLimits.Symbols, "kallsyms");
                TraceDatMetadata.WarnOfRest(info, size, MetadataLimits.Symbols, "symbols (kallsyms)");
            });
            return symbols;
        }
        catch (CaptureException e)
        {
            info.Damage ??= e.Damage;
            return [];
        }
    }

    private Section ReadSectionHeader(long offset, string what)
    {
        Span<byte> h = stackalloc byte[SectionHeaderSize];
        file.ReadExactly(offset, h, "the header of " + what);
        SpanCursor c = new(h, header.BigEndian);
        _ = c.TryU16(out ushort id);
        _ = c.TryU16(out ushort flags);
        _ = c.TryU32(out uint name);
        _ = c.TryU64(out ulong size);
        _namesSections |= name != 0;
        long body = offset + SectionHeaderSize;
        return new Section(id, (flags & FlagCompressed) != 0, body, (long)Math.Min(size, (ulong)Math.Max(0, file.Length - body)));
    }

    /// <summary>The whole of a section that is small in any file.</summary>
    private byte[] Body(Section section)
    {
        if (section.Size > MetadataLimits.Options)
        {
            throw file.Damaged(section.Body - SectionHeaderSize, $"options of {section.Size} bytes", $"expected at most {MetadataLimits.Options}");
        }

        if (!section.Compressed)
        {
            return new FileMetadataReader(file, section.Body, header.BigEndian).Bytes((ulong)section.Size, MetadataLimits.Options, "a section");
        }

        (Stream plain, ulong length, CaptureDamage packed) = Unpack(section);
        using StreamMetadataReader reader = new(file, section.Body, plain, length, header.BigEndian, packed);
        return length <= MetadataLimits.Options
            ? reader.Bytes(length, MetadataLimits.Options, "options")
            : throw file.Damaged(section.Body + 4, $"options of {length} bytes", $"expected at most {MetadataLimits.Options}");
    }

    private (Stream Plain, ulong Length, CaptureDamage Packed) Unpack(Section section)
    {
        Span<byte> sizes = stackalloc byte[8];
        file.ReadExactly(section.Body, sizes, "the sizes of a compressed section");
        SpanCursor c = new(sizes, header.BigEndian);
        _ = c.TryU32(out uint compressed);
        _ = c.TryU32(out uint uncompressed);
        if (uncompressed > MetadataLimits.Section)
        {
            throw file.Damaged(section.Body + 4, $"a section of {uncompressed} bytes", $"expected at most {MetadataLimits.Section}");
        }

        long from = section.Body + sizes.Length;
        if (compressed > file.Length - from)
        {
            throw file.Damaged(from, $"a size of {compressed} with {Math.Max(0, file.Length - from)} bytes left in the file", "expected a compressed section");
        }

        Stream plain = Compression.Open(header.Compression, new CaptureRangeStream(file, from, compressed))
            ?? throw file.Damaged(section.Body, $"compression \"{header.Compression}\"", "expected zlib or zstd");
        return (plain, uncompressed, new CaptureDamage(file.DisplayName, from, $"{compressed} bytes that do not decompress", $"expected {header.Compression} data of {uncompressed} bytes"));
    }

    private ulong U64(ReadOnlySpan<byte> b) => header.BigEndian ? BinaryPrimitives.ReadUInt64BigEndian(b) : BinaryPrimitives.ReadUInt64LittleEndian(b);
}
