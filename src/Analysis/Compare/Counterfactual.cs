using TraceReplay.Analysis.Knowledge;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Compare;

/// <summary>A trace and the dataset that holds it.</summary>
/// <param name="Dataset">The dataset's directory.</param>
/// <param name="TraceId">The trace, or the beginning of its id.</param>
public sealed record TraceReference(string Dataset, string TraceId)
{
    /// <summary>Reads <c>DATASET/trace_id</c>.</summary>
    /// <exception cref="AnalysisException">There is no slash in it.</exception>
    public static TraceReference Parse(string text)
    {
        int slash = text.TrimEnd('/').LastIndexOf('/');
        return slash > 0
            ? new TraceReference(text[..slash], text[(slash + 1)..].TrimEnd('/'))
            : throw new AnalysisException(AnalysisFailure.Usage, $"{text}: expected DATASET/TRACE_ID");
    }
}

/// <summary>One of the two traces.</summary>
public sealed record ComparedTrace(string Id, string? Kernel, Machine Machine)
{
    public static ComparedTrace Of(string id, string? kernel, string? arch) => new(id, kernel, Machines.Of(arch, kernel, []));
}

/// <summary>Pages of two runs: alike, different and no rule says why, different because the host is, or by a rule of the other machine, not shown by one of the runs.</summary>
public readonly record struct ComparedPages(long Agree, long Differ, long HostDiffers, long Rule, long Unknown);

/// <summary>
/// Compares what a model says of one capture with what another kernel did in a second capture of the same scenario
/// (spec 15.4): the check of a counterfactual.
/// </summary>
public sealed class Counterfactual : IDisposable
{
    private static readonly string[] s_views = ["traces", "faults", "outcomes", "fidelity", "windows", "print"];

    private readonly DatasetSession _session = DatasetSession.WithoutDataset();

    // That of the kernel on which the predicted trace was captured: says whether its own replay gives it back.
    private readonly string? _predictedModel;

    /// <param name="predicted">The trace that a model was replayed over.</param>
    /// <param name="observed">The trace of the kernel that the prediction is about.</param>
    /// <param name="model">null = the model of the observed trace's kernel.</param>
    /// <exception cref="AnalysisException">No such trace, or the model was not replayed over it with the kernel's setting.</exception>
    public Counterfactual(TraceReference predicted, TraceReference observed, string? model)
    {
        _session.Attach(predicted.Dataset, "predicted", s_views);
        _session.Attach(observed.Dataset, "observed", s_views);
        PredictedTrace = Find("predicted", predicted);
        ObservedTrace = Find("observed", observed);
        (string? theirs, string? setting) = KernelOf("observed", ObservedTrace);
        (_predictedModel, _) = KernelOf("predicted", PredictedTrace);
        Model = model ?? theirs ?? throw new AnalysisException(
            AnalysisFailure.Usage, $"{observed.Dataset}/{ObservedTrace.Id}: its kernel is not known, so the model has to be named: --model MODEL");
        Setting = ReplayedSetting(predicted, Model == theirs ? setting : null);
    }

    public ComparedTrace PredictedTrace { get; }

    public ComparedTrace ObservedTrace { get; }

    /// <summary>One run is x86's, the other arm64's: rules of the machines may make them differ.</summary>
    public bool TwoMachines => PredictedTrace.Machine != ObservedTrace.Machine;

    public string Model { get; }

    /// <summary>The setting that the prediction was made with.</summary>
    public string Setting { get; }

    public DatasetSession Session => _session;

    /// <summary>One row for each page (see the comments of pages.sql).</summary>
    public static string Pages { get; } = Resource.Text("Compare.pages.sql")
        .Replace("{rules_of_outcomes}", MachineRules.Sql(outcome: true), StringComparison.Ordinal)
        .Replace("{rules_of_ways}", MachineRules.Sql(outcome: false), StringComparison.Ordinal);

    /// <summary>Pages counted by what was predicted and observed.</summary>
    public static string Summary { get; } = $"""
        FROM (
            SELECT predicted, observed, own AS captured, host, rule, verdict, count(*) AS pages,
                   count(*) FILTER (faulted_predicted AND faulted_observed) AS faulted_in_both, min(gfn) AS example_gfn
            FROM ({Pages}) GROUP BY ALL)
        ORDER BY verdict <> 'differ', verdict <> 'rule', verdict <> 'host', pages DESC, predicted, observed, captured, rule
        """;

    public Dictionary<string, string> Parameters => new()
    {
        ["predicted"] = PredictedTrace.Id,
        ["observed"] = ObservedTrace.Id,
        ["model"] = Model,
        ["predicted_model"] = _predictedModel ?? "",
        ["machines"] = TwoMachines ? "two" : "one",
        ["arm64"] = PredictedTrace.Machine == Machine.Arm64 ? "predicted" : "observed",
    };

    public ComparedPages Totals() => _session.Select(
        $"""
        SELECT count(*) FILTER (verdict = 'agree'), count(*) FILTER (verdict = 'differ'), count(*) FILTER (verdict = 'host'), count(*) FILTER (verdict = 'rule'), count(*) FILTER (verdict = 'unknown')
        FROM ({Pages})
        """,
        r => new ComparedPages(r.GetInt64(0), r.GetInt64(1), r.GetInt64(2), r.GetInt64(3), r.GetInt64(4)),
        [.. Parameters.Select(parameter => (parameter.Key, (object)parameter.Value))])[0];

    public void Dispose() => _session.Dispose();

    private ComparedTrace Find(string schema, TraceReference trace)
    {
        List<ComparedTrace> found = _session.Select(
            $"SELECT trace_id, kernel, arch FROM {schema}.traces WHERE starts_with(trace_id, $id)",
            r => ComparedTrace.Of(r.GetString(0), r.IsDBNull(1) ? null : r.GetString(1), r.IsDBNull(2) ? null : r.GetString(2)),
            ("id", trace.TraceId));
        return found.Count == 1
            ? found[0]
            : throw new AnalysisException(AnalysisFailure.Usage, $"{trace.Dataset}: {(found.Count == 0 ? "no trace" : $"{found.Count} traces")} of it begin with '{trace.TraceId}', expected one");
    }

    private string ReplayedSetting(TraceReference predicted, string? needed)
    {
        List<string> settings = _session.Select(
            "SELECT DISTINCT setting FROM predicted.outcomes WHERE trace_id = $id AND model = $model",
            r => r.GetString(0),
            ("id", PredictedTrace.Id),
            ("model", Model));
        string again = $"tracereplay replay -d {predicted.Dataset} --trace {PredictedTrace.Id}{(needed is null ? "" : $" --setting {needed}")}";
        if (settings.Count == 0)
        {
            throw new AnalysisException(AnalysisFailure.Usage, $"{predicted.Dataset}: {Model} was not replayed over {PredictedTrace.Id}; run `{again}` first");
        }

        // What the CPU lacks is the host's matter; another machine's settings may bear other names.
        return needed is null || TwoMachines || Kernel(settings[0]) == Kernel(needed)
            ? settings[0]
            : throw new AnalysisException(AnalysisFailure.Usage, $"{predicted.Dataset}: {Model} was replayed over {PredictedTrace.Id} with setting {settings[0]}, the observed kernel is {needed}; run `{again}` first");
    }

    private static string Kernel(string setting) => setting.Split('-')[0];

    /// <summary>The model of the captured kernel: the one that its replay was compared with, else by the kernel's name.</summary>
    private (string? Model, string? Setting) KernelOf(string schema, ComparedTrace trace)
    {
        Replay.Timeline.CapturedKernel kernel = Replay.Timeline.CapturedKernel.From(trace.Kernel, null);
        List<(string?, string?)> compared = _session.Select(
            $"SELECT DISTINCT model, setting FROM {schema}.fidelity WHERE trace_id = $id",
            r => ((string?)r.GetString(0), (string?)r.GetString(1)),
            ("id", trace.Id));

        // What an arm64 kernel's setting is hangs on more than its name.
        return kernel.Model is null || (trace.Machine == Machine.Arm64 && compared.Count > 0) ? compared.FirstOrDefault() : (kernel.Model, kernel.Setting);
    }
}
