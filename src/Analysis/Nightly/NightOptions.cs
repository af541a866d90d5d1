using System.Globalization;

namespace TraceReplay.Analysis.Nightly;

/// <summary>What a night is told.</summary>
public sealed record NightOptions
{
    public required string Inbox { get; init; }

    public required string Dataset { get; init; }

    /// <summary>Where the reports go.</summary>
    public required string Output { get; init; }

    /// <summary>Captures worked on at once; 0 = one for each processor.</summary>
    public int Jobs { get; init; }

    /// <summary>MiB that the captures worked on at once may take together; 0 = no bound but <see cref="Jobs"/>.</summary>
    public int MemoryMiB { get; init; }

    /// <summary>The night to report; null = the newest date that has captures.</summary>
    public DateOnly? Date { get; init; }

    /// <summary>null = the whole inbox, and the reports.</summary>
    public Shard? Shard { get; init; }

    /// <summary>A file changed less long ago is left for the next run: it may still be growing.</summary>
    public TimeSpan Settle { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Earlier nights (dates that have captures) to compare with.</summary>
    public int BaselineNights { get; init; } = 14;

    /// <summary>Dates of the dataset older than this many days before the night are dropped; null = none.</summary>
    public int? RetentionDays { get; init; }

    /// <summary>What ran in the captures that this run takes; null = what their files are called.</summary>
    public string? Scenario { get; init; }

    /// <summary>Whether retention may remove more than half of the dataset's days.</summary>
    public bool RetentionMost { get; init; }

    /// <summary>Whether links in the inbox are followed.</summary>
    public bool FollowLinks { get; init; }

    /// <summary>Gets one line when the run waits for another process for long.</summary>
    public Action<string>? Waiting { get; init; }

    /// <summary>How long to wait while another run holds the dataset; zero = not at all.</summary>
    public TimeSpan Wait { get; init; }

    /// <summary>The command without what changes no result, such as how many captures are worked on at once.</summary>
    internal string Command => string.Join(
        ' ',
        [
            "tracereplay", "nightly", "--inbox", ShellWord.Of(Path.GetFullPath(Inbox)), "-d", ShellWord.Of(Path.GetFullPath(Dataset)), "--out", ShellWord.Of(Path.GetFullPath(Output)),
            .. Scenario is { } scenario ? ["--scenario", ShellWord.Of(scenario)] : (string[])[],
            .. BaselineNights == new NightOptions { Inbox = "", Dataset = "", Output = "" }.BaselineNights ? (string[])[] : ["--baseline-nights", BaselineNights.ToString(CultureInfo.InvariantCulture)],
            .. Date is { } date ? ["--date", SummaryJson.Day(date)] : (string[])[],
        ]);
}

/// <summary>One part of an inbox that several machines share.</summary>
/// <param name="Index">From 1.</param>
/// <param name="Count">Parts in all.</param>
public sealed record Shard(int Index, int Count)
{
    /// <summary>Reads <c>I/N</c>; null if it is none.</summary>
    public static Shard? Parse(string text)
    {
        string[] parts = text.Split('/');
        return parts.Length == 2
            && int.TryParse(parts[0], out int index)
            && int.TryParse(parts[1], out int count)
            && index >= 1 && index <= count
            ? new Shard(index, count)
            : null;
    }

    /// <summary>The same answer on every machine: FNV-1a over the path below the inbox.</summary>
    public bool Takes(string relativePath)
    {
        uint hash = 2166136261;
        foreach (byte b in System.Text.Encoding.UTF8.GetBytes(relativePath))
        {
            hash = (hash ^ b) * 16777619;
        }

        return hash % (uint)Count == Index - 1;
    }
}
