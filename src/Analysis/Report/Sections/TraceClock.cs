using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>How times of a trace are shown: in seconds where its clock counts ns, else in the clock's own unit.</summary>
/// <param name="Start">First event, in the clock's unit.</param>
/// <param name="End">Last event.</param>
/// <param name="IsNanoseconds">False for clocks that count something else, such as cycles.</param>
/// <param name="Unit">What the clock counts.</param>
internal sealed record TraceClock(long Start, long End, bool IsNanoseconds, string Unit)
{
    /// <summary>The clock's counts that one unit of a long time axis holds.</summary>
    public double PerAxisUnit => IsNanoseconds ? 1e9 : 1e6;

    /// <summary>The same for the axis of a single fault.</summary>
    public double PerShortUnit => IsNanoseconds ? 1e3 : 1;

    public string ShortUnit => IsNanoseconds ? "µs" : Unit;

    public string AxisUnit => IsNanoseconds ? "s" : $"million {Unit}";

    public static TraceClock Of(CapturedTrace trace)
    {
        string unit = trace.ClockUnit ?? "ns";
        return new TraceClock(trace.StartNs ?? 0, trace.EndNs ?? trace.StartNs ?? 0, unit == "ns", unit);
    }
}
