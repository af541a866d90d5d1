namespace TraceReplay.Replay;

/// <summary>One model as a user names it.</summary>
public sealed record ModelInfo(string Name, string Summary, IReadOnlyList<string> Settings, string DefaultSetting);

/// <summary>The models in the order in which they are printed (spec 0.1, 0.4).</summary>
public static class ModelRegistry
{
    public static IReadOnlyList<ModelInfo> All { get; } =
    [
        new("current", "the fault logic up to 6.12: a reference for every lookup, refcountedness guessed from the pfn", ["6.1", "6.8", "6.12"], "6.12"),
        new("v11", "\"[PATCH v11 0/8] KVM: allow mapping non-refcounted pages\", Feb 2024, never merged in this form", ["posted", "6.8"], "posted"),
        new("merged", "as it landed in 6.13: references come from GUP only, PFNMAP'd pages never touch struct page", ["7.x"], "7.x"),
    ];
}
