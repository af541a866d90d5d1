namespace TraceReplay.Analysis.Summary;

/// <summary>What a page kind's key (spec 8.2) means, for people.</summary>
internal static class PageKindText
{
    public static string Describe(string key) => key;
}
