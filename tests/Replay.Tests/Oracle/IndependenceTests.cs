using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Oracle;
using TraceReplay.Replay.State;
using Xunit;

namespace TraceReplay.Replay.Tests.Oracle;

/// <summary>An oracle that asks the models is none: it may use their input and the names of results, and no logic.</summary>
public class IndependenceTests
{
    [Fact]
    public void Oracle_uses_nothing_of_the_models_but_operations_and_enums()
    {
        using FileStream file = File.OpenRead(typeof(Kernel).Assembly.Location);
        using PEReader assembly = new(file);
        MetadataReader metadata = assembly.GetMetadataReader();
        IEnumerable<string> used = metadata.TypeReferences
            .Select(metadata.GetTypeReference)
            .Where(type => type.ResolutionScope.Kind == HandleKind.AssemblyReference
                && metadata.GetString(metadata.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope).Name) == typeof(Operation).Assembly.GetName().Name)
            .Select(type => metadata.GetString(type.Name))
            .Order(StringComparer.Ordinal);
        string[] allowed =
        [
            nameof(BeginFacts), nameof(FaultAccess), nameof(FaultOutcome), nameof(FaultPath), nameof(LookupFact), nameof(MapFacts), nameof(MemslotFlags),
            nameof(Operation), nameof(OperationKind), nameof(OwnStep), nameof(PageKind), nameof(RetryCause), nameof(SlotFact), nameof(VmaFlags),
        ];
        Assert.Equal(allowed, used);
    }
}
