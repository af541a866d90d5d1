using System.Security.Cryptography;
using System.Text;
using TraceReplay.Analysis.Compaction;
using TraceReplay.Analysis.Report;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Nightly;

/// <summary>What a night came to.</summary>
/// <param name="Ingested">What was done with the inbox.</param>
/// <param name="Compacted">What was folded; null for a shard.</param>
/// <param name="Expired">Captures that retention removed.</param>
/// <param name="Summary">null for a shard, or without any capture.</param>
/// <param name="Reported">false: everything was as the last run left it.</param>
public sealed record NightResult(IngestedNight Ingested, CompactionReport? Compacted, int Expired, NightSummary? Summary, bool Reported);

/// <summary>
/// The scheduled job (contract, section 5): ingest what is new, compact, forget what is old, compare, report. Idempotent; killed
/// at any moment and run again it ends as if it had not been killed, as each step's result says whether the step was done.
/// </summary>
public static class NightRunner
{
    /// <exception cref="AnalysisException">The environment failed, or the inbox is not there.</exception>
    public static NightResult Run(NightOptions options, INightObserver observer, CancellationToken ct)
    {
        InboxIndex index = InboxIndex.Open(options.Dataset, options.Shard);
        IngestedNight ingested = new NightIngest(options, index, observer).Run(ct);
        if (options.Shard is not null || !Directory.Exists(Path.Combine(options.Dataset, DatasetLayout.Traces)))
        {
            return new NightResult(ingested, null, 0, null, false);
        }

        string state = State(options, index);
        string reported = Path.Combine(NightFiles.Folder(options.Dataset), "reported");
        if (ingested.Done == 0 && File.Exists(reported) && File.ReadAllText(reported) == state && NightOutputs.All.All(name => File.Exists(Path.Combine(options.Out, name))))
        {
            return new NightResult(ingested, null, 0, NightOutputs.ReadSummary(Path.Combine(options.Out, NightOutputs.Summary)), false);
        }

        int expired = options.KeepFrom is { } keepFrom ? Retention.Apply(options.Dataset, keepFrom) : 0;
        CompactionReport compacted;
        using (Compactor compactor = new(options.Dataset, options.MemoryBytes))
        {
            compacted = compactor.Run(ct);
        }

        NightSummary? night = NightReader.Read(options, index);
        if (night is not null)
        {
            Write(NightOutputs.Junit, file => NightOutputs.WriteJunit(file, night));
            Write(NightOutputs.Metrics, file => NightOutputs.WriteMetrics(file, night));
            Write(NightOutputs.Report, file => NightPage.Write(file, night));
            Write(NightOutputs.Summary, file => NightOutputs.WriteSummary(file, night));
            NightFiles.WriteText(reported, state);
        }

        return new NightResult(ingested, compacted, expired, night, true);

        void Write(string name, Action<Stream> write) => NightFiles.Write(Path.Combine(options.Out, name), write);
    }

    /// <summary>What the reports follow from.</summary>
    private static string State(NightOptions options, InboxIndex index)
    {
        var text = new StringBuilder();
        text.Append(options.Date?.DayNumber).Append(' ').Append(options.BaselineNights).Append(' ').Append(options.KeepFrom?.DayNumber).Append(' ').Append(Path.GetFullPath(options.Out)).Append('\n');
        foreach (InboxEntry entry in index.All.OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            text.Append(entry.Name).Append('\t').Append(entry.Length).Append('\t').Append(entry.TraceId).Append('\t').Append(entry.Refusal).Append('\n');
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
