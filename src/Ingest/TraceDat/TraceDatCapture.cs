using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>A trace.dat file, versions 6 and 7 (spec/trace-formats sections 1 and 2).</summary>
internal sealed class TraceDatCapture : ICapture
{
    // Two batches of every CPU are in memory, with some 16 bytes of index for each record: 64 MiB for pages keeps the
    // whole well under 200 MiB whatever the number of CPUs.
    private const int PagesInMemory = 64 << 20;
    private const int LargestBatch = 256 << 10;

    // trace-cmd packs ten pages into a chunk.
    private const int PagesOfAChunk = 12;

    private const long MostMemory = 384 << 20;

    private readonly CaptureFile _file;
    private readonly TraceDatHeader _header;
    private readonly TraceDatOptions _options;
    private readonly TraceDatMetadata _metadata;
    private readonly List<BufferOption> _buffers;
    private readonly HeaderPage _page;

    public TraceDatCapture(CaptureFile file)
    {
        _file = file;
        _header = TraceDatHeader.Read(file);
        Info = new CaptureInfo { Path = file.DisplayName, Format = "trace.dat", Version = _header.Version.ToString(System.Globalization.CultureInfo.InvariantCulture) };
        _options = new TraceDatOptions(_header.BigEndian, sections: _header.Version >= 7);
        _metadata = new TraceDatMetadata(_header.BigEndian, Info);
        if (_header.Version >= 7)
        {
            new SectionFile(file, _header).Open(_options, _metadata, Info);
            _buffers = _options.Buffers;
        }
        else
        {
            _buffers = new SequentialFile(file, _header).Open(_options, _metadata, Info);
        }

        _page = _metadata.Page ?? HeaderPage.For(_header.UserLongSize);
        Describe();
    }

    public CaptureInfo Info { get; }

    public CaptureDamage? ReadEvents(IEventSink sink, ReadOptions options, CancellationToken cancellation)
    {
        CaptureDamage? damage = Info.Damage;
        List<CpuStream> streams = [];
        try
        {
            try
            {
                OpenStreams(streams, options);
            }
            catch (CaptureException e)
            {
                damage ??= e.Damage;
            }

            Merge(streams, sink, cancellation);
            foreach (CpuStream s in streams)
            {
                damage ??= s.Damage;
            }
        }
        finally
        {
            foreach (CpuStream s in streams)
            {
                s.Dispose();
            }
        }

        return damage;
    }

    public void Dispose() => _file.Dispose();

    private void Describe()
    {
        string[] uname = _options.Uname?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        if (uname.Length >= 4)
        {
            // "sysname nodename release machine"
            (Info.Host, Info.Kernel, Info.Arch) = (uname[1], uname[^2], uname[^1]);
        }

        Info.Clock = _options.Clock ?? _buffers.Select(b => b.Clock).FirstOrDefault(c => c.Length > 0);
        Info.ClockUnit = _options.Correction.HasTsc ? "ns" : Info.Clock switch
        {
            "x86-tsc" or "ppc-tb" => "cycles",
            "counter" => "events",
            "uptime" => "ticks",
            _ => "ns",
        };
        Info.Cpus = Math.Max(_options.CpuCount, _buffers.Select(b => b.Cpus.Count).DefaultIfEmpty().Max());
        Info.Instances = _buffers.Count == 0 ? [""] : [.. _buffers.Select(b => b.Name)];
        foreach ((int id, long count) in _options.Unknown)
        {
            Info.Warnings.Add(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{count} options of unknown id {id} were passed over: what they tell is missing"));
            Info.PassedOver = true;
        }

        foreach ((int pid, string guest, int vcpu) in _options.Guests)
        {
            Info.GuestThreads[pid] = (guest, vcpu);
        }
    }

    private void OpenStreams(List<CpuStream> streams, ReadOptions options)
    {
        RefuseOverlaps();
        int areas = _buffers.Sum(b => b.Cpus.Count(c => c.Size > 0));
        int batch = Math.Clamp(PagesInMemory / Math.Max(1, 2 * areas), 4096, LargestBatch);
        for (int instance = 0; instance < _buffers.Count; instance++)
        {
            BufferOption buffer = _buffers[instance];
            if (buffer.Text)
            {
                throw _file.Damaged(buffer.SectionOffset, "the text of a latency tracer", "expected binary records (flyrecord)");
            }

            bool chunked = _header.Version >= 7 && _header.Compression != "none" && new SectionFile(_file, _header).BufferCompressed(buffer.SectionOffset);
            int pageSize = buffer.PageSize is >= 256 and <= 16 << 20 ? buffer.PageSize : _header.PageSize;
            long chunk = Math.Max((long)PagesOfAChunk * pageSize, PagesInMemory / Math.Max(1, areas));
            long each = chunked ? chunk : Math.Max(batch, pageSize);
            bool ahead = options.Jobs != 1 && 2 * each * areas <= MostMemory;
            if (each * areas > MostMemory && buffer.Cpus.Sum(a => Math.Min(a.Size, each)) > MostMemory)
            {
                throw _file.Damaged(buffer.SectionOffset, $"{areas} CPUs with pages of {pageSize} bytes", $"expected no more than can be merged in {MostMemory >> 20} MiB");
            }

            foreach (CpuArea area in buffer.Cpus.Where(a => a.Size > 0).OrderBy(a => a.Cpu))
            {
                if (area.Size < 0 || area.Offset < 0 || area.Offset > long.MaxValue - area.Size)
                {
                    throw _file.Damaged(buffer.SectionOffset, $"CPU {area.Cpu} with {area.Size} bytes at 0x{area.Offset:x}", "expected data within the file");
                }

                PageSource source = chunked
                    ? new ChunkedPageSource(_file, area, pageSize, Decompressor()) { BigEndian = _header.BigEndian, LargestChunk = (uint)chunk }
                    : new PlainPageSource(_file, area, pageSize);
                streams.Add(new CpuStream(_file, area.Cpu, instance, source, new RingBufferPage(_page, _header.BigEndian), _options.Correction, batch, ahead));
            }
        }

        streams.ForEach(s => s.Start());
    }

    /// <summary>Areas that share bytes would multiply what a file holds.</summary>
    private void RefuseOverlaps()
    {
        (CpuArea Area, long Section)? last = null;
        foreach ((CpuArea Area, long Section) next in _buffers.SelectMany(b => b.Cpus.Where(a => a.Size > 0).Select(a => (a, b.SectionOffset))).OrderBy(a => a.a.Offset))
        {
            if (last is { } before && next.Area.Offset - before.Area.Offset < before.Area.Size)
            {
                throw _file.Damaged(next.Section, $"data of CPU {next.Area.Cpu} at 0x{next.Area.Offset:x}, within those of CPU {before.Area.Cpu}", "expected data of each CPU's own");
            }

            last = next;
        }
    }

    private Compression Decompressor() => Compression.Create(_header.Compression)
        ?? throw _file.Damaged(0, $"compression \"{_header.Compression}\"", "expected none, zlib or zstd");

    /// <summary>k-way merge by time; on a tie the first buffer and the lowest CPU win, as in trace-cmd.</summary>
    private void Merge(List<CpuStream> streams, IEventSink sink, CancellationToken cancellation)
    {
        EventDispatcher dispatcher = new(sink, Info, _metadata.CommandLines, _header.BigEndian);
        PriorityQueue<CpuStream, (long Timestamp, int Order)> live = new(streams.Count);
        for (int i = 0; i < streams.Count; i++)
        {
            if (dispatcher.Advance(streams[i]))
            {
                live.Enqueue(streams[i], (streams[i].Timestamp, i));
            }
        }

        while (live.TryDequeue(out CpuStream? stream, out (long Timestamp, int Order) place))
        {
            // Run on in this stream up to where another one takes over: streams alternate much more rarely than records.
            (long Timestamp, int Order) until = live.TryPeek(out _, out (long Timestamp, int Order) next) ? next : (long.MaxValue, int.MaxValue);
            bool more;
            do
            {
                cancellation.ThrowIfCancellationRequested();
                dispatcher.Deliver(stream, until.Timestamp, place.Order < until.Order);
                more = dispatcher.Advance(stream);
            }
            while (more && (stream.Timestamp < until.Timestamp || (stream.Timestamp == until.Timestamp && place.Order < until.Order)));

            if (more)
            {
                live.Enqueue(stream, (stream.Timestamp, place.Order));
            }
        }

        dispatcher.Finish(_buffers.Count == 1 ? _options.CpuStats : []);
    }
}
