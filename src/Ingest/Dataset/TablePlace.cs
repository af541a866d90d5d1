using System.Globalization;

namespace TraceReplay.Ingest.Dataset;

/// <summary>Where the tables of a capture that is being ingested belong, which its id decides; before that is known, they have a place to wait.</summary>
internal sealed class TablePlace(CaptureClaim claim, string dataset, DateOnly date, string host)
{
    private int _unnamed;

    /// <summary>Whether <see cref="TraceId"/> does not wait.</summary>
    public bool IsKnown => claim.Decided.IsCompleted;

    public string TraceId => claim.TraceId;

    public string Of(string event_) => DatasetLayout.Event(dataset, event_, date, host, TraceId);

    /// <summary>For a table of a capture without an id: a path that no other table of the process has, and that no file gets in the end.</summary>
    public string Unnamed() => Path.Combine(DatasetLayout.Unnamed(dataset), Interlocked.Increment(ref _unnamed).ToString(CultureInfo.InvariantCulture));
}
