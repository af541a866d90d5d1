using System.Diagnostics.CodeAnalysis;
using System.IO.Enumeration;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Dataset;

/// <summary>How to ingest.</summary>
public sealed record IngestOptions
{
    /// <summary>Patterns (<c>*</c>, <c>?</c>) for <c>system.event</c>, <c>system:event</c> or the event alone; empty = all.</summary>
    public IReadOnlyList<string> EventGlobs { get; init; } = [];

    /// <summary>null = the capture's host name.</summary>
    public string? Host { get; init; }

    /// <summary>null = when the capture was made, as recorded, or else when the file was last written (UTC).</summary>
    public DateOnly? Date { get; init; }

    /// <summary>Release of the captured kernel, for a capture that does not name it (a text, a nettrace); null = unknown.</summary>
    public string? Kernel { get; init; }

    /// <summary>What ran in a capture whose markers do not say it; null = the name of its file.</summary>
    public string? Scenario { get; init; }

    /// <summary>Threads; 0 = one for each processor.</summary>
    public int Jobs { get; init; }

    /// <summary>Bytes of rows with which tables begin before the capture's id is known.</summary>
    internal long EarlyLimit { get; init; } = WriteQueue.EarlyLimit;

    /// <summary>Gets one line if another process holds the capture's place for long.</summary>
    public Action<string>? Waiting { get; init; }

    /// <summary>Told now and then, on the ingesting thread.</summary>
    public IProgress<IngestProgress>? Progress { get; init; }
}

/// <summary>How far an ingest is.</summary>
/// <param name="Events">Events done.</param>
/// <param name="Share">Of the file's bytes read, 0 to 1; some are ahead of the events.</param>
public readonly record struct IngestProgress(long Events, double Share);

/// <param name="AlreadyPresent">The dataset has this capture; nothing was done.</param>
/// <param name="Damage">null, or where the capture stopped making sense; what was complete before is in the dataset.</param>
public sealed record IngestResult(string TraceId, bool AlreadyPresent, TraceManifest Manifest, CaptureDamage? Damage);

/// <summary>Brings captures into a dataset (contract section 2).</summary>
public static class Ingestor
{
    private const int LongestText = 1024;
    private const int MostInstances = 1024;

    /// <summary>Ingests one capture. Twice is once; killed at any moment, nothing of it can be seen.</summary>
    /// <param name="source">A path, or <c>-</c> for standard input.</param>
    /// <exception cref="CaptureException">Nothing of it can be read; the dataset is unchanged.</exception>
    /// <exception cref="EnvironmentFailedException">Disk full, no permission.</exception>
    public static IngestResult Ingest(string source, string dataset, IngestOptions options, CancellationToken cancellation = default)
    {
        try
        {
            DatasetFormat.Require(dataset);
            using CaptureFile file = CaptureFormats.OpenFile(source, cancellation);
            using ICapture capture = CaptureFormats.Open(file, ownsFile: false, options.Kernel);
            using CaptureClaim claim = new(file, dataset, options.Waiting, cancellation);
            try
            {
                return Write(file, capture, source, dataset, claim, options);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested && claim.AlreadyPresent)
            {
                return new IngestResult(claim.TraceId, true, Manifests.Find(dataset, claim.TraceId)!, null);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EnvironmentFailedException(e.Message, e);
        }
    }

    private static IngestResult Write(CaptureFile file, ICapture capture, string source, string dataset, CaptureClaim claim, IngestOptions options)
    {
        CaptureInfo info = capture.Info;
        string host = Clip(options.Host ?? info.Host ?? "unknown");
        DateOnly date = options.Date ?? info.Date ?? DateOnly.FromDateTime(source == "-" ? DateTime.UtcNow : File.GetLastWriteTimeUtc(source));

        // The symbols are large and needed at the end: they are unpacked and parsed while events are decoded.
        bool probes = info.Events.All.Any(f => f.Field("__probe_ip") is not null || f.Field("__probe_func") is not null);
        Task<string?> vendor = Task.Run(
            () =>
            {
                if (probes)
                {
                    info.Symbols.Load();
                }

                return info.CpuVendor;
            },
            claim.Stop);
        long begin = file.BytesRead;
        Action<long>? progress = options.Progress is { } told
            ? events => told.Report(new IngestProgress(events, Math.Clamp((double)(file.BytesRead - begin) / Math.Max(1, file.Length), 0, 1)))
            : null;
        using DatasetSink sink = new(claim, info, new TablePlace(claim, dataset, date, host), format => Wanted(format, options.EventGlobs), options.Jobs, options.EarlyLimit, progress);
        CaptureDamage? damage = capture.ReadEvents(sink, new ReadOptions(options.Jobs), claim.Stop);
        string? cpuVendor = vendor.GetAwaiter().GetResult() ?? sink.FirstEvents.Vendor;
        damage ??= info.Damage;
        if (damage is not null && sink.Seen == 0)
        {
            throw new CaptureException(damage);
        }

        if (claim.AlreadyPresent)
        {
            throw new OperationCanceledException(claim.Stop);
        }

        DatasetFormat.Sign(dataset);
        sink.Complete();
        string traceId = claim.TraceId;
        WriteLost(sink, DatasetLayout.TraceTable(dataset, DatasetLayout.LostEvents, date, host, traceId), traceId, info);
        WriteProbeSites(sink, DatasetLayout.TraceTable(dataset, DatasetLayout.ProbeSites, date, host, traceId), traceId, info.Symbols);
        WarningList warnings = [.. info.Notes, .. info.Warnings];
        HostMaps.Write(source, DatasetLayout.TraceTable(dataset, DatasetLayout.HostMaps, date, host, traceId), traceId);
        warnings.AddRange(sink.Tables.Where(t => t.ShortRows > 0).Select(t => $"{t.ShortRows} records of {t.FullName} are shorter than their format; missing fields are 0"));
        if (options.Kernel is { } named && info.Kernel?.StartsWith(named, StringComparison.Ordinal) == false)
        {
            warnings.Add($"the capture itself names its kernel {info.Kernel}: {named} was not taken");
        }

        if (options.Scenario is { } said && sink.FirstEvents.Scenario is { } marked && said != marked)
        {
            warnings.Add($"a marker of the capture names its scenario {marked}: {said} was not taken");
        }

        if (damage is not null)
        {
            warnings.Insert(0, damage.ToString());
        }

        TraceManifest manifest = new()
        {
            TraceId = traceId,
            Path = source,
            Scenario = ScenarioName.Of(sink.FirstEvents.Scenario, options.Scenario, source),
            Sha256 = claim.Sha256,
            Format = info.Format,
            FormatVersion = info.Version,
            Host = Clip(host),
            Date = date,
            Kernel = Clip(info.Kernel),
            Arch = Clip(info.Arch),
            CpuVendor = cpuVendor,
            Clock = Clip(info.Clock),
            ClockUnit = info.ClockUnit,
            Cpus = info.Cpus,
            StartNs = sink.First,
            EndNs = sink.Last,
            Events = sink.Tables.Sum(t => t.Rows),
            Lost = sink.Holes.Sum(h => h.Lost.Count ?? 1),
            Complete = damage is null && !info.PassedOver,
            Warnings = [.. warnings],
            Instances = [.. info.Instances.Take(MostInstances).Select(i => Clip(i))],
            EventCounts = sink.Tables.OrderBy(t => t.FullName, StringComparer.Ordinal).ToDictionary(t => t.FullName, t => t.Rows),
            EventGlobs = options.EventGlobs,
            DatasetFormat = DatasetFormat.Current,
            WrittenBy = DatasetFormat.Program,
        };
        manifest.Write(DatasetLayout.Manifest(dataset, traceId));
        return new IngestResult(traceId, false, manifest, damage);
    }

    // Texts of a file's own, which may be as long as it likes.
    [return: NotNullIfNotNull(nameof(text))]
    private static string? Clip(string? text) => text is { Length: > LongestText } ? text[..LongestText] : text;

    internal static bool Wanted(EventFormat format, IReadOnlyList<string> globs) => globs.Count == 0 || globs.Any(g =>
        FileSystemName.MatchesSimpleExpression(g.Replace(':', '.'), format.FullName, ignoreCase: false)
        || FileSystemName.MatchesSimpleExpression(g, format.Name, ignoreCase: false));

    private static void WriteLost(DatasetSink sink, string path, string traceId, CaptureInfo info)
    {
        StringColumn trace = new("trace_id", nullable: false);
        Column<int> cpu = new("cpu", nullable: true);
        Column<long> after = new("after_seq", nullable: true);
        Column<long> ts = new("ts_ns", nullable: true);
        Column<long> count = new("count", nullable: true);
        StringColumn instance = new("instance", nullable: false);
        using TableWriter table = new(path, [trace, cpu, after, ts, count, instance]);
        foreach ((LostRecords lost, long? afterSeq) in sink.Holes)
        {
            trace.Add(traceId);
            cpu.Add(lost.Cpu < 0 ? null : lost.Cpu);
            after.Add(afterSeq);
            ts.Add(lost.Timestamp);
            count.Add(lost.Count);
            instance.Add(info.Instances[lost.Instance]);
            table.EndRow();
        }

        table.Complete();
    }

    private static void WriteProbeSites(DatasetSink sink, string path, string traceId, SymbolTable symbols)
    {
        StringColumn trace = new("trace_id", nullable: false);
        StringColumn name = new("event", nullable: false);
        StringColumn function = new("function");
        Column<bool> isReturn = new("is_return");
        Column<ulong> site = new("address", nullable: true);
        using TableWriter table = new(path, [trace, name, function, isReturn, site]);
        foreach (EventTable t in sink.Tables)
        {
            foreach (string named in t.ProbeFunctions)
            {
                trace.Add(traceId);
                name.Add(t.FullName);
                function.Add(named);
                isReturn.Add(t.IsReturnProbe);
                site.AddNull();
                table.EndRow();
            }

            foreach (ulong address in t.ProbeAddresses)
            {
                trace.Add(traceId);
                name.Add(t.FullName);
                function.Add(symbols.Find(address));
                isReturn.Add(t.IsReturnProbe);
                site.Add(address);
                table.EndRow();
            }
        }

        table.Complete();
    }
}
