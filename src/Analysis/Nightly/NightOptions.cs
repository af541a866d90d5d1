namespace TraceReplay.Analysis.Nightly;

/// <summary>What a night is to do.</summary>
public sealed record NightOptions
{
    public required string Inbox { get; init; }

    public required string Dataset { get; init; }

    /// <summary>Directory of the reports.</summary>
    public required string Out { get; init; }

    /// <summary>Captures at once.</summary>
    public int Jobs { get; init; } = Environment.ProcessorCount;

    /// <summary>Bytes that captures at work may take together.</summary>
    public long MemoryBytes { get; init; } = 2L << 30;

    /// <summary>The night to report; null = the newest date in the dataset.</summary>
    public DateOnly? Date { get; init; }

    /// <summary>1-based; null = the whole inbox, and the reports.</summary>
    public (int Index, int Count)? Shard { get; init; }

    /// <summary>A file written less long ago is left for the next run.</summary>
    public TimeSpan Settle { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Earlier nights to compare with, at most.</summary>
    public int BaselineNights { get; init; } = 14;

    /// <summary>Days that the dataset keeps; null = all.</summary>
    public int? RetentionDays { get; init; }

    /// <summary>The time, UTC.</summary>
    public DateTime Now { get; init; } = DateTime.UtcNow;

    /// <summary>The first day that the dataset keeps; null = all.</summary>
    public DateOnly? KeepFrom => RetentionDays is { } days ? DateOnly.FromDateTime(Now).AddDays(-days) : null;
}

/// <summary>Who is told how a night goes; called from several threads.</summary>
public interface INightObserver
{
    void Begin(int captures);

    void Done(string name);

    /// <summary>One line about a capture that cannot be read.</summary>
    void Refused(string why);
}
