using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Replay.Timeline.Kernel;

/// <summary>One look through the first records of the few tables that tell what the captured kernel is.</summary>
internal sealed class KernelRecords
{
    // Enough to see every form; a capture can have billions of records, and most are exits and entries, which tell least.
    private const int MaxRecords = 50_000;
    private const int MaxExits = 1_000_000;

    private const string PageFault = "kvm.kvm_page_fault";
    private const string Exit = "kvm.kvm_exit";
    private const string NestedExit = "kvm.kvm_nested_vmexit";
    private const string Entry = "kvm.kvm_entry";
    private const string Requested = "kvmmmu.kvm_mmu_spte_requested";
    private const string FastPageFault = "kvmmmu.fast_page_fault";
    private const string CheckMmio = "kvmmmu.check_mmio_spte";

    // Fields here are asked for by this look alone; kinds that the timeline has none of share one.
    private static readonly EventSource[] s_sources =
    [
        new(EventKind.PageFault, PageFault, "error_code?", "vcpu_id?"),
        new(EventKind.FastPageFault, FastPageFault, "error_code?", "old_spte?", "new_spte?", "ret?"),
        new(EventKind.Entry, Entry, "intr_info?"),
        new(EventKind.SyscallEdge, Exit, "isa?", "exit_reason?", "requests?"),
        new(EventKind.SyscallEdge, NestedExit, "isa?", "exit_reason?"),
        new(EventKind.MarkMmioSpte, CheckMmio, "spte?"),
        new(EventKind.SpteRequested, Requested, "access?"),
        new(EventKind.SetSpte, "kvmmmu.kvm_mmu_set_spte", "spte?"),
        new(EventKind.SpteChanged, "kvmmmu.kvm_tdp_mmu_spte_changed", "old_spte?", "new_spte?", "level?"),
        EventSource.Entry(EventKind.TdpFault, "kvm_tdp_page_fault", "addr?"),
        EventSource.Return(EventKind.TdpFaultRet, "kvm_tdp_page_fault", "ret?"),
    ];

    private readonly TraceManifest _trace;
    private readonly HashSet<(string Event, string Field)> _shown = [];
    private readonly Dictionary<(string Event, string Field), int> _widths = [];

    private KernelRecords(TraceManifest trace, IReadOnlySet<string> probedFunctions)
    {
        _trace = trace;
        ProbedFunctions = probedFunctions;
    }

    public IReadOnlySet<string> ProbedFunctions { get; }

    /// <summary>Values without the present bit that were seen before or after a change of a TDP entry.</summary>
    public HashSet<ulong> NonPresentSptes { get; } = [];

    public ReturnCodeCounts Returns { get; } = new();

    public VendorCounts Vendors { get; } = new();

    public static KernelRecords Read(DatasetReader reader, TraceManifest trace, bool ignoreProbes)
    {
        KernelRecords records = new(trace, TraceEvents.ProbedFunctions(reader, trace, ignoreProbes));
        using EventStream stream = TraceEvents.Open(reader, trace, ignoreProbes, s_sources);
        for ((int all, int exits) = (0, 0); all - exits < MaxRecords && exits < MaxExits && stream.MoveNext(); all++)
        {
            exits += stream.Current.Kind is EventKind.Entry or EventKind.SyscallEdge ? 1 : 0;
            records.Add(stream.Current);
        }

        string fast = reader.EventPath(trace.TraceId, FastPageFault);
        if (records.HasFormats && File.Exists(fast))
        {
            using ParquetTable table = ParquetTable.Open(fast);
            if (table.Find("error_code") is { } field)
            {
                records._widths[(FastPageFault, "error_code")] = field.ClrType == typeof(ulong) || field.ClrType == typeof(long) ? 64 : 32;
            }
        }

        return records;
    }

    public bool Has(string name) => _trace.EventCounts.GetValueOrDefault(name) > 0;

    /// <summary>Some record has a value in the field.</summary>
    public bool Shows(string name, string field) => _shown.Contains((name, field));

    /// <summary>A field that no record of the event shows is one that the kernel does not record.</summary>
    public bool TellsWholeForm(string name) => Has(name) && (HasFormats || (IsKernelText && name is Entry or Requested));

    /// <summary>Bits of an integer field as the capture's own description has it; null where there is none.</summary>
    public int? Width(string name, string field) => _widths.TryGetValue((name, field), out int bits) ? bits : null;

    /// <summary>The capture describes the fields of its events itself. A text shows what its printer chose, and the field types of its tables are a guess.</summary>
    public bool HasFormats => _trace.Format is "trace.dat" or "perf.data";

    // trace-cmd and perf print kvm_entry and kvm_mmu_spte_requested as the kernel does, not kvm_exit.
    private bool IsKernelText => _trace.Format.EndsWith("text", StringComparison.Ordinal);

    private void Add(EventCursor e)
    {
        for (int column = 0; column < e.Source.Columns.Length; column++)
        {
            if (e.Source.Event is { } name && e.Knows(column))
            {
                _shown.Add((name, e.Source.Columns[column]));
            }
        }

        Returns.Add(e);
        switch (e.Kind)
        {
            case EventKind.PageFault when e.Knows(0):
                VendorEvidence.CountErrorCode(e[0], Vendors);
                break;
            case EventKind.SyscallEdge:
                VendorEvidence.CountExit(e.Knows(0) ? e[0] : null, e[1], Vendors);
                break;
            case EventKind.SetSpte when e.Knows(0):
                VendorEvidence.CountLeaf(e[0], Vendors);
                break;
            case EventKind.MarkMmioSpte when e.Knows(0):
                VendorEvidence.CountMmio(e[0], Vendors);
                break;
            case EventKind.SpteChanged:
                AddNonPresent(e, 0);
                AddNonPresent(e, 1);
                break;
        }
    }

    private void AddNonPresent(EventCursor e, int column)
    {
        const ulong present = 1UL << 11;
        if (e.Knows(column) && (e[column] & present) == 0 && NonPresentSptes.Count < 64)
        {
            NonPresentSptes.Add(e[column]);
        }
    }
}
