using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Oracle.Orders;

namespace TraceReplay.Replay.Oracle;

/// <summary>
/// A second implementation of the fault-model specification, as plain as it can be: it exists to be compared with the
/// models of src/Replay, and shares nothing with them but the operations. Slow on purpose; no invariants, no fidelity.
/// </summary>
public sealed partial class Machine(Kernel kernel, Vendor vendor)
{
    private readonly Dictionary<int, Vm> _vms = [];
    private readonly Dictionary<int, Fault> _open = [];

    public Kernel Kernel { get; } = kernel;

    public Vendor Vendor { get; } = vendor;

    public Pages Pages { get; } = new();

    /// <summary>
    /// What the checks of a fault read in one order of the things around it; null: things happen as the operations stand, and the checks see for themselves.
    /// </summary>
    public Func<long, Readings>? Told { get; init; }

    /// <summary>Faults in the order in which they ended.</summary>
    public List<Fault> Ended { get; } = [];

    public Vm Vm(int index)
    {
        if (!_vms.TryGetValue(index, out Vm? vm))
        {
            _vms.Add(index, vm = new Vm());
        }

        return vm;
    }

    public void Execute(Operation op)
    {
        Vm vm = Vm(op.Vm);
        switch (op.Kind)
        {
            case OperationKind.FaultBegin:
                Fault begun = new() { Id = op.FaultId, AsId = op.AsId, Gfn = op.A / 4096, Access = (FaultAccess)op.B, MetLevel = Kernel.Arm64 ? (int)op.D : 0, Told = Told?.Invoke(op.FaultId) };
                _open[op.Open] = begun;
                if (Kernel.Arm64)
                {
                    BeginAbort(vm, begun);
                }
                else
                {
                    Begin(vm, begun);
                }

                break;
            case OperationKind.FaultLookup:
                LookUp(vm, _open[op.Open], (LookupFact)op.A);
                break;
            case OperationKind.FaultMap:
                Fault fault = _open[op.Open];
                LookUp(vm, fault, (LookupFact)op.A);
                if (Kernel.Arm64)
                {
                    FinishAbort(vm, fault);
                }
                else
                {
                    UnderLock(vm, fault);
                }

                Ended.Add(fault);
                break;
            default:
                HostEvent(vm, op);
                break;
        }
    }

    /// <summary>refcounted pages and marks: every change goes through these.</summary>
    private void Get(Fault fault, ulong head)
    {
        Pages.At(head).Delta++;
        fault.RefsGot++;
    }

    private void Put(Fault fault, ulong head)
    {
        Pages.At(head).Delta--;
        fault.RefsPut++;
    }

    private void MarkAccessed(Fault fault, ulong pfn, ulong head)
    {
        if (Pages.IsAdTracked(pfn, Kernel.Arm64 ? Series.Current : Kernel.Series))
        {
            Pages.At(head).Accessed++;
            fault.MarkedAccessed++;
        }
    }

    private void MarkDirty(Fault fault, ulong pfn, ulong head)
    {
        if (Pages.IsAdTracked(pfn, Kernel.Arm64 ? Series.Current : Kernel.Series))
        {
            Pages.At(head).Dirty++;
            fault.MarkedDirty++;
        }
    }
}
