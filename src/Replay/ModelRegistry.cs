using TraceReplay.Replay.Models;

namespace TraceReplay.Replay;

/// <summary>One model as a user names it.</summary>
public sealed record ModelInfo(string Name, string Summary, IReadOnlyList<string> Settings, string DefaultSetting);

/// <summary>The models in the order in which they are printed (spec 0.1, 0.4).</summary>
public static class ModelRegistry
{
    public static IReadOnlyList<ModelInfo> All => ModelCatalog.All;
}
