using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>How the time from a fault to the guest's next entry is distributed.</summary>
internal static class LatencyPart
{
    public static void Write(ChapterContext chapter)
    {
        Grid histogram = chapter.Read("latencies");
        Grid quantiles = chapter.Read("latency_quantiles");
        if (histogram.Rows.Count == 0)
        {
            chapter.Nothing($"The capture does not show when a fault ended: it needs kvm_entry or kvm_exit beside {MachineWords.Of(chapter.Summary.Trace).FaultEvent}.");
            return;
        }

        new Chart
        {
            Kind = "histogram",
            Title = "Latency by outcome",
            Says = $"Faults by the time from the fault to its handler's return where that is recorded, else to the next entry of the guest or exit to user space; the table says how many of the faults are timed. Measured on the trace's clock in {chapter.Clock.Unit}; both axes are logarithmic, a bin spans a factor of 1.41. The time holds all that the kernel did, tracing included.",
            Data = histogram,
            Table = new Grid(
                [.. quantiles.Columns.Select(c => c is "p50" or "p90" or "p99" or "max" ? $"{c} ({chapter.Clock.Unit})" : c)],
                quantiles.Rows),
            Options = new Dictionary<string, object?> { ["unit"] = chapter.Clock.Unit },
        }.Write(chapter.Html);
    }
}
