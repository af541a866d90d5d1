using System.Reflection;
using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Results;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline;
using TraceReplay.Replay.Timeline.Windows;
using TraceReplay.Replay.Vocabularies;
using Xunit;

namespace TraceReplay.Replay.Tests;

public class VocabularyTests
{
    [Fact]
    public void Each_vocabulary_has_all_values_that_the_tables_can_spell_and_no_other()
    {
        Is(FaultWords.Outcomes, Enum.GetValues<FaultOutcome>().Select(o => o.Name()));
        Is(FaultWords.Paths, Enum.GetValues<FaultPath>().Select(OutcomeTable.Path));
        Is(FaultWords.PageKinds, Enum.GetValues<PageKind>().Select(k => k.Key()));
        Is(FaultWords.Kinds, Constants(typeof(FaultKinds)));
        Is(FaultWords.Certainties, Enum.GetValues<Certainty>().Select(OutcomeTable.Certain));
        Is(FaultWords.RetryCauses, Enum.GetValues<RetryCause>().Select(OutcomeTable.Cause));
        Is(FaultWords.ObservedBy, Enum.GetValues<ObservedBy>().Select(FaultTable.By));
        Is(FaultWords.LatencyEnds, Enum.GetValues<LatencyEnd>().Select(FaultTable.To));
        Is(FaultWords.Accesses, Enumerable.Range(0, 1 << 11).Select(bits => FaultTable.Access((FaultAccess)bits)));
        Is(FaultWords.Sources, Constants(typeof(FaultTable)));
        Is(TableWords.WindowEnds, Enum.GetValues<WindowEnd>().Select(WindowTable.By));
        Is(TableWords.Quantities, FidelityQuantities.All.Select(q => q.Name()));
        Is(TableWords.Verdicts, Constants(typeof(ViolationTable)));
        Is(TableWords.Works, Enum.GetValues<OperationKind>().Select(CostCountTable.Work));
        Is(TableWords.CostOperations, CostOperations.Names);
        Is(TableWords.Models, ModelCatalog.All.Select(m => m.Name));
        Is(TableWords.NotifierEvents, WindowTable.Events);
    }

    [Fact]
    public void The_specifications_assumptions_are_all_there() =>
        Assert.Superset(Enumerable.Range(1, 11).Select(n => $"AS-{n}").ToHashSet(), TableWords.Assumptions.Words.Select(w => w.Value).ToHashSet());

    private static void Is(Vocabulary vocabulary, IEnumerable<string?> values) =>
        Assert.Equal(values.OfType<string>().Distinct().Order(StringComparer.Ordinal), vocabulary.Words.Select(w => w.Value).Order(StringComparer.Ordinal));

    private static IEnumerable<string> Constants(Type type) =>
        type.GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral && f.FieldType == typeof(string)).Select(f => (string)f.GetRawConstantValue()!);
}
