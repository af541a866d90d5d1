using TraceReplay.Replay.State;

namespace TraceReplay.Analysis.Summary;

/// <summary>What a page kind's key (spec 8.2) means, for people.</summary>
internal static class PageKindText
{
    private static readonly Dictionary<string, string> s_texts = Enum.GetValues<PageKind>()
        .Where(kind => kind.Key() is not null)
        .GroupBy(kind => kind.Key()!)
        .ToDictionary(kinds => kinds.Key, kinds => string.Join(" or ", kinds.Select(kind => kind.Describe())));

    /// <summary>A phrase, or the empty string for a key that is none.</summary>
    public static string Describe(string key) => s_texts.GetValueOrDefault(key, "");
}
