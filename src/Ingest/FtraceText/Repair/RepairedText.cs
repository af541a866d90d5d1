using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.FtraceText.Repair;

/// <summary>A text with a line for each event, and what was done to get there.</summary>
internal sealed class RepairedText
{
    private readonly List<(long Repaired, long Original)> _offsets = [];

    /// <summary>Lines that are no part of a trace.</summary>
    public long Others { get; set; }

    public long FirstOther { get; set; }

    /// <summary>Its start.</summary>
    public string FirstOtherLine { get; set; } = "";

    /// <summary>Events whose line had been broken.</summary>
    public long Joined { get; set; }

    /// <summary>Events behind which somebody had written.</summary>
    public long Noted { get; set; }

    /// <summary>Events that had been put on one line with the one before.</summary>
    public long Split { get; set; }

    /// <summary>Events before which a log had written.</summary>
    public long Prefixed { get; set; }

    /// <summary>Events that can be read in more than one way, or whose end may be missing.</summary>
    public long Doubtful { get; set; }

    /// <summary>The width at which a terminal had broken the lines; 0 if none had.</summary>
    public int HardWidth { get; set; }

    /// <summary>What ended the reading of the original.</summary>
    public CaptureDamage? Damage { get; set; }

    public void Emitted(long repaired, long original) => _offsets.Add((repaired, original));

    /// <summary>A damage of the repaired text as one of the original.</summary>
    public CaptureDamage Original(CaptureDamage damage)
    {
        int at = _offsets.BinarySearch((damage.Offset, long.MaxValue));
        at = at < 0 ? ~at - 1 : at;
        return at < 0 ? damage : damage with { Offset = _offsets[at].Original };
    }

    /// <summary>One line for each kind of repair.</summary>
    public IEnumerable<string> Warnings()
    {
        if (Joined > 0)
        {
            yield return HardWidth > 0
                ? $"the lines of {Joined} events were broken at {HardWidth} characters and were joined"
                : $"the lines of {Joined} events were broken and were joined";
        }

        if (Split > 0)
        {
            yield return $"{Split} events stood on one line with the event before them and were parted";
        }

        if (Prefixed > 0)
        {
            yield return $"what a log wrote before {Prefixed} events was taken off";
        }

        if (Noted > 0)
        {
            yield return $"notes behind {Noted} events are no part of them and are left out";
        }

        if (Doubtful > 0)
        {
            yield return $"the lines of {Doubtful} events may be cut within a value: what only that value would tell is left out";
        }
    }
}
