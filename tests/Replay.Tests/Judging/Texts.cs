using System.Collections.Concurrent;
using TraceReplay.Replay.Tests.Captures;

namespace TraceReplay.Replay.Tests.Judging;

/// <summary>Ftrace texts, ingested and replayed in this process and judged.</summary>
internal static class Texts
{
    private static readonly ConcurrentDictionary<string, Lazy<RecordedText?>> s_texts = new();

    private static readonly ConcurrentDictionary<(string, string), Lazy<Judgement>> s_judged = new();

    /// <summary>A text of the shown captures; null if none of the directories has it.</summary>
    public static RecordedText? Find(string relative) => s_texts.GetOrAdd(relative, path => new Lazy<RecordedText?>(() =>
    {
        string copy = Path.Combine(ReplayedCapture.RepositoryRoot(), "tests", "Ingest.Tests", "FtraceText", path.Replace('/', '-'));
        return RecordedText.Find(path) ?? (File.Exists(copy) ? RecordedText.Read(copy) : null);
    })).Value;

    /// <summary>What a replay says of a text; done once for each name.</summary>
    public static Judgement Judge(string name, Func<string> content, string kernel) => s_judged.GetOrAdd((name, kernel), _ => new Lazy<Judgement>(() => JudgeNow(content(), kernel))).Value;

    public static Judgement JudgeNow(string content, string kernel) => Judgement.Of(Replay(content, kernel));

    public static ReplayedCapture Replay(string content, string kernel)
    {
        string path = Path.Combine(TestDatasets.Root, Path.GetRandomFileName() + ".trace.txt");

        // The same bytes would be the same capture, whatever kernel is named the second time.
        File.WriteAllText(path, $"# {kernel}\n{content}\n");
        try
        {
            return ReplayedCapture.Of(path, kernel);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
