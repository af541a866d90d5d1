using TraceReplay.Replay.Models;
using TraceReplay.Replay.Operations;

namespace TraceReplay.Replay.Bench;

/// <summary>Operations a second of each model, models interleaved, and what a touched page costs in memory.</summary>
internal static class ModelSpeed
{
    private const int Batch = 4096;

    // Rounds that do not count: the runtime compiles what is called often anew, twice, while the program runs; published code is compiled already.
    private const int WarmUp = 3;

    /// <returns>Processor time of one run of the first model, s.</returns>
    public static double Measure(PreparedTrace trace, int rounds)
    {
        string[] names = [.. ModelCatalog.All.Select(m => m.Name)];
        List<double>[] times = [.. names.Select(_ => new List<double>())];
        List<double> passes = [];
        for (int round = -WarmUp; round < rounds; round++)
        {
            double passed = PassOver(trace.Operations);
            double[] took = [.. names.Select(name => Run(trace, name))];
            if (round >= 0)
            {
                passes.Add(passed);
                for (int m = 0; m < names.Length; m++)
                {
                    times[m].Add(took[m]);
                }
            }
        }

        double pass = Median(passes);
        double current = 0;
        for (int m = 0; m < names.Length; m++)
        {
            double time = Median(times[m]);
            current = m == 0 ? time : current;
            (long bytes, long pages) = Memory(trace, names[m]);
            Console.WriteLine($"  {names[m],-8} {trace.Operations.Length / time / 1e6,6:F1} M operations/s a core ({trace.Operations.Length / times[m][^1] / 1e6:F1} to {trace.Operations.Length / times[m][0] / 1e6:F1}), {time / current:F2} times {names[0]}'s time, {time / pass:F1} times a bare pass over them; {bytes / Math.Max(1, pages)} bytes for each of {pages} touched pages");
        }

        return current;
    }

    private static double Run(PreparedTrace trace, string name)
    {
        IFaultModel model = trace.Create(name);
        List<FaultResult> results = [];
        long start = ThreadTime.Now;
        for (int at = 0; at < trace.Operations.Length; at += Batch)
        {
            results.Clear();
            model.Execute(trace.Operations.AsSpan(at, Math.Min(Batch, trace.Operations.Length - at)), results);
        }

        return (ThreadTime.Now - start) / 1e9;
    }

    /// <summary>The peer: reading every operation and doing nothing with it.</summary>
    private static double PassOver(Operation[] operations)
    {
        long start = ThreadTime.Now;
        ulong sum = 0;
        foreach (ref readonly Operation o in operations.AsSpan())
        {
            sum += (ulong)o.Kind + o.A + o.B + o.C + o.D;
        }

        GC.KeepAlive(sum);
        return (ThreadTime.Now - start) / 1e9;
    }

    private static (long Bytes, long Pages) Memory(PreparedTrace trace, string name)
    {
        long before = GC.GetTotalMemory(forceFullCollection: true);
        IFaultModel model = trace.Create(name);
        List<FaultResult> results = new(Batch);
        for (int at = 0; at < trace.Operations.Length; at += Batch)
        {
            results.Clear();
            model.Execute(trace.Operations.AsSpan(at, Math.Min(Batch, trace.Operations.Length - at)), results);
        }

        long bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        GC.KeepAlive(model);
        HashSet<(short, ulong)> pages = [];
        foreach (Operation o in trace.Operations)
        {
            if (o.Kind == OperationKind.FaultBegin)
            {
                pages.Add((o.Vm, o.A >> 12));
            }
            else if (o.Kind == OperationKind.PteKnown)
            {
                pages.Add((-1, o.A >> 12));
            }
        }

        return (bytes, pages.Count);
    }

    internal static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }
}
