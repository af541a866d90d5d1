namespace TraceReplay.Analysis.Knowledge;

/// <summary>A record that a capture lacks, and what it would give.</summary>
/// <param name="Source">What to record.</param>
/// <param name="Faults">Faults that it may decide, at most.</param>
/// <param name="Tells">What it tells of them.</param>
public sealed record CoverageGain(Source Source, long Faults, string Tells);

/// <summary>
/// The few records that would decide most of a capture's faults. How many each concerns follows from what was counted: those
/// that mapped nothing need what the lookup returned, those beside an invalidation its bounds, all of them a memslot.
/// </summary>
public static class CoverageAdvice
{
    /// <summary>More would not be read.</summary>
    public const int Most = 5;

    /// <summary>At most <see cref="Most"/>, those that concern most faults first; none where nothing that tells more is left out.</summary>
    public static IReadOnlyList<CoverageGain> For(CaptureContents capture)
    {
        FaultCounts counts = FaultCounts.Of(capture);
        if (counts.Faults == 0)
        {
            // Shadow paging and kernels without KVM's event show none either: that is for a person to know.
            return [new CoverageGain(FaultCounts.EventOf(capture.Machine), 0, "the faults: nothing can be replayed without them")];
        }

        return
        [
            .. AdviceLines.Of(capture.Machine)
                .Where(line => !line.Any.Any(source => source.FindIn(capture) is not null))
                .Select(line => (line, Source: Array.Find(line.Any, source => source.ExistsIn(capture.KernelVersion))))
                .Where(line => line.Source is not null)
                .Select(line => new CoverageGain(line.Source!, line.line.Faults(counts), line.line.Tells))
                .Where(gain => gain.Faults > 0)
                .OrderByDescending(gain => gain.Faults)
                .Take(Most),
        ];
    }
}
