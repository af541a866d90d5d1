using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using Xunit;

namespace TraceReplay.Replay.Tests.Scenarios;

/// <summary>A VM's number goes to another once it is gone: nothing of the first is left in it.</summary>
public class VmNumberTests
{
    private const ulong Gfn = 0x100;
    private const ulong Spte = 0x600000010c3e0b77;

    [Theory]
    [InlineData("current")]
    [InlineData("v11")]
    [InlineData("merged")]
    public void A_VM_that_has_the_number_of_another_has_none_of_its_leaves(string name)
    {
        IFaultModel model = ModelCatalog.Create(name, null, SpteLayout.Npt);
        model.Execute([new Operation { Kind = OperationKind.LeafKnown, A = Gfn, B = Spte, C = 1, D = 1, Open = -1 }], []);
        Assert.Equal(Spte, model.Leaf(0, 0, Gfn, out _));
        model.Execute([new Operation { Kind = OperationKind.VmGone, Open = -1 }], []);
        Assert.Equal(0UL, model.Leaf(0, 0, Gfn, out _));
    }
}
