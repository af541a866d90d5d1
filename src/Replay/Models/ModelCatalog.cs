using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Models.Arm64;
using TraceReplay.Replay.Models.Current;
using TraceReplay.Replay.Models.Merged;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Models.V11;
using TraceReplay.Replay.Models.X86;

namespace TraceReplay.Replay.Models;

/// <summary>The models by name: the one place to register another.</summary>
public static class ModelCatalog
{
    private static readonly Entry[] s_entries =
    [
        new(
            new("current", "the fault logic up to 6.12: a reference for every lookup, refcountedness guessed from the pfn", ["pre2021", "6.1", "6.8", "6.12"], "6.12"),
            [ModelSettings.Pre2021, ModelSettings.Kernel61, ModelSettings.Kernel68, ModelSettings.Kernel612],
            Make<CurrentRules, CurrentStage2Rules>()),
        new(
            new("v11", "\"[PATCH v11 0/8] KVM: allow mapping non-refcounted pages\", Feb 2024, never merged in this form", ["posted", "6.8"], "posted"),
            [ModelSettings.V11Posted, ModelSettings.Kernel68],
            Make<V11Rules, V11Stage2Rules>()),
        new(
            new("merged", "as it landed in 6.13: references come from GUP only, PFNMAP'd pages never touch struct page", ["6.13", "7.x", "7.3", Stage2Settings.WithoutFwb, "mkwrite"], "7.x"),
            [ModelSettings.Kernel613, ModelSettings.Kernel7, ModelSettings.Kernel73, ModelSettings.Kernel7WithoutFwb, ModelSettings.Kernel7MkWrite],
            Make<MergedRules, MergedStage2Rules>()),
    ];

    /// <summary>The models in the order in which they are printed.</summary>
    public static IReadOnlyList<ModelInfo> All { get; } = [.. s_entries.Select(entry => entry.Info)];

    /// <summary>A fresh model.</summary>
    /// <param name="name">Name as in <see cref="All"/>.</param>
    /// <param name="setting">One of its settings; another model's setting, or null, takes the model's default.</param>
    /// <param name="layout">SPTE bits of the captured machine; they tell its architecture.</param>
    /// <param name="costs">Takes what the model counts; null = the model does not count, which costs nothing.</param>
    /// <param name="calledAs">What the model is called in the results; null = its name.</param>
    /// <exception cref="ArgumentException">There is no such model.</exception>
    public static IFaultModel Create(string name, string? setting, SpteLayout layout, CostCounter? costs = null, string? calledAs = null)
    {
        Entry entry = Array.Find(s_entries, e => e.Info.Name == name)
            ?? throw new ArgumentException($"there is no model '{name}'; there are {string.Join(", ", s_entries.Select(e => e.Info.Name))}");
        ModelSettings settings = Array.Find(entry.Settings, s => s.Name == setting) ?? Array.Find(entry.Settings, s => s.Name == entry.Info.DefaultSetting)!;
        return entry.Create(calledAs ?? name, settings, layout, costs);
    }

    /// <summary>SPTE bits of a kernel that the model is of, on a machine of one vendor: npt, ept or arm64.</summary>
    public static SpteLayout Layout(string name, string vendor) => (vendor, name) switch
    {
        ("arm64", _) => SpteLayout.Stage2,
        ("ept", "merged") => SpteLayout.Ept7,
        ("ept", _) => SpteLayout.Ept,
        _ => SpteLayout.Npt,
    };

    private static Func<string, ModelSettings, SpteLayout, CostCounter?, IFaultModel> Make<TX86, TStage2>()
        where TX86 : struct, IFaultRules
        where TStage2 : struct, IFaultRules =>
        (name, settings, layout, costs) => (layout.IsStage2, costs) switch
        {
            (false, null) => new X86Model<TX86, NotCounted>(name, settings, layout),
            (false, _) => new X86Model<TX86, Counted>(name, settings, layout, costs),
            (true, null) => new Stage2Model<TStage2, NotCounted>(name, Stage2Settings.Of(settings), layout),
            (true, _) => new Stage2Model<TStage2, Counted>(name, Stage2Settings.Of(settings), layout, costs),
        };

    private sealed record Entry(ModelInfo Info, ModelSettings[] Settings, Func<string, ModelSettings, SpteLayout, CostCounter?, IFaultModel> Create);
}
