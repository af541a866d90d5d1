using System.Globalization;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Fuzz;

/// <summary>A capture was read without an error, and not as promised.</summary>
internal sealed class BrokenPromiseException(string message) : Exception(message);

/// <summary>
/// What an input is given to. A <see cref="CaptureException"/> is an answer, everything else that is thrown is a defect: the program would
/// end with exit code 70.
/// </summary>
internal sealed class Targets : IDisposable
{
    private const string Kernel = "6.12.95";

    private static int s_count;

    private readonly string _work = Directory.CreateDirectory(Path.Combine(
        Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"tracereplay-fuzz-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}"))).FullName;

    private readonly string _input;
    private readonly string _dataset;

    public Targets() => (_input, _dataset) = (Path.Combine(_work, "input"), Path.Combine(_work, "dataset"));

    public static IReadOnlyList<string> Names { get; } = ["trace.dat", "perf.data", "text", "nettrace", "any", "replay"];

    public void Dispose() => Directory.Delete(_work, recursive: true);

    /// <summary>One reading, as many a second as can be: what coverage-guided fuzzing calls.</summary>
    /// <param name="target">One of <see cref="Names"/>.</param>
    /// <param name="input">A file's bytes.</param>
    public void Once(string target, ReadOnlySpan<byte> input)
    {
        Write(input);
        if (target == "replay")
        {
            _ = Replayed(ignoreProbes: input.Length % 3 == 0);
        }
        else
        {
            _ = Read(target, jobs: 1);
        }
    }

    /// <summary>Reading with one thread and with three, ingest of it, and reading a part of the file tell the same.</summary>
    /// <param name="target">As above.</param>
    /// <param name="input">As above.</param>
    /// <param name="random">Where the file is cut.</param>
    /// <returns>Whether it was no refusal: there were events.</returns>
    public bool Thoroughly(string target, byte[] input, Random random)
    {
        Write(input);
        if (target == "replay")
        {
            return Replayed(ignoreProbes: input.Length % 3 == 0);
        }

        if (Read(target, jobs: 1) is not { } one)
        {
            return false;
        }

        Reading three = Read(target, jobs: 3) ?? throw new BrokenPromiseException("three threads cannot read what one can");
        if (three != one)
        {
            throw new BrokenPromiseException($"one thread reads {one}, three read {three}");
        }

        Ingested(one);
        if (one.Complete && one.Marks && input.Length > 1)
        {
            int cut = random.Next(1, input.Length);
            Write(input.AsSpan(0, cut));
            if (Read(target, jobs: 1) is { Complete: true } part && part.Events < one.Events)
            {
                throw new BrokenPromiseException($"cut at {cut} of {input.Length} there are {part.Events} of {one.Events} events, and it is called complete");
            }
        }

        return one.Events > 0;
    }

    private void Write(ReadOnlySpan<byte> input)
    {
        using FileStream file = File.Create(_input, 1);
        file.Write(input);
    }

    /// <returns>null if nothing of it can be read.</returns>
    private Reading? Read(string target, int jobs)
    {
        try
        {
            using ICapture capture = Open(target);
            Digest digest = new(capture.Info);
            CaptureDamage? damage = capture.ReadEvents(digest, new ReadOptions(jobs), CancellationToken.None);
            capture.Info.Symbols.Load();
            damage ??= capture.Info.Damage;

            // Of a text, or of what was written to a pipe, no end is marked: what was cut off between two records cannot be missed.
            bool marks = capture.Info.Format is "trace.dat" or "nettrace" || (capture.Info.Format == "perf.data" && capture.Info.Version?.Contains("pipe", StringComparison.Ordinal) != true);
            return new Reading(digest.Events, digest.Value, digest.Holes, damage is null && !capture.Info.PassedOver, damage?.ToString(), marks);
        }
        catch (CaptureException)
        {
            return null;
        }
    }

    private ICapture Open(string target)
    {
        if (target == "any")
        {
            return CaptureFormats.Open(_input, Kernel);
        }

        CaptureFile file = new(_input, "input");
        try
        {
            // A text has several ways to be written; which one it is, is decided by its content.
            return target == "text" ? CaptureFormats.Open(file, ownsFile: false, Kernel) : CaptureFormats.All.Single(f => f.Name == target).Open(file, Kernel);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private void Ingested(Reading reading)
    {
        try
        {
            IngestResult result = Ingestor.Ingest(_input, _dataset, new IngestOptions { Jobs = 2, Kernel = Kernel });
            TraceManifest manifest = result.Manifest;
            if (manifest.Events != reading.Events || manifest.EventCounts.Values.Sum() != reading.Events || manifest.Complete != reading.Complete)
            {
                throw new BrokenPromiseException($"read were {reading}; the manifest says {manifest.Events} events in {manifest.EventCounts.Values.Sum()} rows, complete {manifest.Complete}");
            }

            DatasetReader dataset = DatasetReader.Open(_dataset);
            bool[] seen = new bool[reading.Events];
            foreach ((string name, long count) in manifest.EventCounts)
            {
                using ParquetTable table = ParquetTable.Open(dataset.EventPath(result.TraceId, name));
                long rows = 0;
                for (int g = 0; g < table.RowGroups; g++)
                {
                    using Parquet.ParquetRowGroupReader group = table.OpenRowGroup(g);
                    long[] seq = new long[group.RowCount];
                    group.ReadAsync<long>(table.Fields.Single(f => f.Name == "seq"), seq.AsMemory()).AsTask().GetAwaiter().GetResult();
                    foreach (long s in seq)
                    {
                        if (s < 0 || s >= seen.Length || seen[s])
                        {
                            throw new BrokenPromiseException($"{name}: seq {s} is there twice, or beyond {seen.Length}");
                        }

                        seen[s] = true;
                    }

                    rows += seq.Length;
                }

                if (rows != count)
                {
                    throw new BrokenPromiseException($"{name}: {rows} rows of {count}");
                }
            }
        }
        catch (CaptureException)
        {
            // More kinds of events than a kernel has are refused there alone.
        }
        finally
        {
            Forget();
        }
    }

    private bool Replayed(bool ignoreProbes)
    {
        try
        {
            string id = Ingestor.Ingest(_input, _dataset, new IngestOptions { Jobs = 1, Kernel = Kernel }).TraceId;
            ReplayReport report = ReplayRunner.Run(_dataset, id, new ReplayOptions { IgnoreProbes = ignoreProbes });
            using ParquetTable faults = ParquetTable.Open(DatasetReader.Open(_dataset).ResultPath(id, "faults"));
            long rows = 0;
            for (int g = 0; g < faults.RowGroups; g++)
            {
                using Parquet.ParquetRowGroupReader group = faults.OpenRowGroup(g);
                rows += group.RowCount;
            }

            if (rows != report.Faults)
            {
                throw new BrokenPromiseException($"{report.Faults} faults were replayed, the results have {rows}");
            }

            return true;
        }
        catch (CaptureException)
        {
            return false;
        }
        finally
        {
            Forget();
        }
    }

    private void Forget()
    {
        if (Directory.Exists(_dataset))
        {
            Directory.Delete(_dataset, recursive: true);
        }
    }

    /// <param name="Marks">Whether the format says where it ends.</param>
    private sealed record Reading(long Events, ulong Digest, long Holes, bool Complete, string? Damage, bool Marks);
}
