namespace TraceReplay.Analysis.Report.Sections;

/// <summary>Hot-path cost, as far as it was counted and measured.</summary>
internal static class CostPart
{
    public static void Write(ChapterContext chapter) =>
        chapter.Nothing($"Not counted yet: `tracereplay cost -d DATASET --trace {chapter.Id}` fills this part.");
}
