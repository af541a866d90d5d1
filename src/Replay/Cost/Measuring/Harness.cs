using System.Diagnostics;
using TraceReplay.Replay.Models;

namespace TraceReplay.Replay.Cost.Measuring;

/// <summary>How models are measured.</summary>
public sealed record MeasureOptions
{
    /// <summary>Repetitions of the whole workload with each model, from 5 on.</summary>
    public int Repetitions { get; init; } = 30;

    /// <summary>Operations of a trace that are measured, from its begin.</summary>
    public int Operations { get; init; } = 100_000;

    /// <summary>Orders the models within a pair and draws the bootstrap.</summary>
    public int Seed { get; init; } = 1;
}

/// <summary>Times of one model by repetition and label.</summary>
internal sealed class Arm(string name, string setting, int repetitions, int labels)
{
    public string Name { get; } = name;

    public string Setting { get; } = setting;

    /// <summary>ns by label and repetition; the last label is the sum of all that are measured.</summary>
    public double[][] Times { get; } = [.. Enumerable.Range(0, labels + 1).Select(_ => new double[repetitions])];

    public long Instructions { get; set; }

    public long CacheMisses { get; set; }
}

/// <summary>
/// Runs models over the same operations in turns: each chunk of the workload by each model before the next chunk, in an order drawn
/// anew each time. A chunk in which the thread was taken off its core is left out for all models.
/// </summary>
internal sealed class Harness(Workload workload, MeasureOptions options, HardwareCounters? counters)
{
    private const int WarmUps = 4;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromMilliseconds(600);

    // More wall time than processor time: another thread had the core.
    private const long TakenOff = 20_000;

    private readonly Random _random = new(options.Seed);
    private readonly List<FaultResult> _results = [];

    public long Chunks { get; private set; }

    public long ChunksLeftOut { get; private set; }

    /// <summary>By repetition and label: units (faults, windows) in the chunks that count.</summary>
    public double[][] Units { get; } = [.. Enumerable.Range(0, options.Repetitions).Select(_ => new double[workload.Labels.Count])];

    public Arm[] Run(IReadOnlyList<(string Name, Func<IFaultModel> Create)> models, CancellationToken ct)
    {
        Arm[] arms = [.. models.Select(m => new Arm(m.Name, m.Create().Settings.Name, options.Repetitions, workload.Labels.Count))];
        Arm[] warm = [.. models.Select(m => new Arm(m.Name, "", 1, workload.Labels.Count))];
        Stopwatch clock = Stopwatch.StartNew();
        for (int round = 0; round < WarmUps || clock.Elapsed < s_warmUp; round++)
        {
            Repeat(models, warm, 0, new double[workload.Labels.Count], ct);
        }

        (Chunks, ChunksLeftOut) = (0, 0);
        foreach (double[] units in Units)
        {
            Array.Clear(units);
        }

        for (int r = 0; r < options.Repetitions; r++)
        {
            Repeat(models, arms, r, Units[r], ct);
        }

        return arms;
    }

    private void Repeat(IReadOnlyList<(string Name, Func<IFaultModel> Create)> models, Arm[] arms, int repetition, double[] units, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();

        // Fresh models, made in another order each time, so that none has the better place in memory for good.
        int[] order = [.. Enumerable.Range(0, models.Count)];
        _random.Shuffle(order);
        IFaultModel[] fresh = new IFaultModel[models.Count];
        foreach (int m in order)
        {
            fresh[m] = models[m].Create();
        }

        GC.Collect();
        long[][] times = [.. models.Select(_ => new long[workload.Labels.Count])];
        foreach (ReadOnlyMemory<Segment> chunk in workload.Chunks())
        {
            bool whole = true;
            _random.Shuffle(order);
            foreach (int m in order)
            {
                Array.Clear(times[m]);
                whole &= RunChunk(fresh[m], chunk.Span, times[m], arms[m]);
            }

            Chunks++;
            ChunksLeftOut += whole ? 0 : 1;
            if (whole)
            {
                Add(arms, repetition, times);
                Count(chunk.Span, units);
            }
        }
    }

    /// <returns>False if the thread lost its core meanwhile.</returns>
    private bool RunChunk(IFaultModel model, ReadOnlySpan<Segment> chunk, long[] times, Arm arm)
    {
        (long Instructions, long CacheMisses) hardware = counters?.Read() ?? default;
        long cpu = PinnedThread.CpuTime;
        long begin = Stopwatch.GetTimestamp();
        long last = begin;
        foreach (ref readonly Segment segment in chunk)
        {
            model.Execute(workload.Operations.AsSpan(segment.Start, segment.Length), _results);
            _results.Clear();
            long now = Stopwatch.GetTimestamp();
            times[segment.Label] += now - last;
            last = now;
        }

        long spent = PinnedThread.CpuTime - cpu;
        if (counters is not null)
        {
            (long instructions, long misses) = counters.Read();
            arm.Instructions += instructions - hardware.Instructions;
            arm.CacheMisses += misses - hardware.CacheMisses;
        }

        return cpu == 0 || Stopwatch.GetElapsedTime(begin, last).TotalNanoseconds - spent < TakenOff;
    }

    private void Add(Arm[] arms, int repetition, long[][] times)
    {
        double tick = 1e9 / Stopwatch.Frequency;
        for (int m = 0; m < arms.Length; m++)
        {
            for (int label = 0; label < times[m].Length; label++)
            {
                arms[m].Times[label][repetition] += times[m][label] * tick;
                if (workload.IsMeasured(label))
                {
                    arms[m].Times[^1][repetition] += times[m][label] * tick;
                }
            }
        }
    }

    private void Count(ReadOnlySpan<Segment> chunk, double[] units)
    {
        foreach (ref readonly Segment segment in chunk)
        {
            foreach (ref readonly Operations.Operation op in workload.Operations.AsSpan(segment.Start, segment.Length))
            {
                units[segment.Label] += op.Kind is Operations.OperationKind.FaultBegin or Operations.OperationKind.FaultLookup ? 0 : 1;
            }
        }
    }
}
