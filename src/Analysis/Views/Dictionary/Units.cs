namespace TraceReplay.Analysis.Views.Dictionary;

/// <summary>Units, and the columns that many tables share.</summary>
internal static class Units
{
    public const string Clock = "the capture's clock, traces.clock_unit";
    public const string Nanoseconds = "ns";
    public const string Cycles = "cycles";
    public const string Pages = "pages of 4 KiB";
    public const string Bytes = "bytes";
    public const string ByteAddress = "byte address";
    public const string Gfn = "frame number (4 KiB pages)";
    public const string Share = "0 to 1";

    public static ColumnText TraceId { get; } = new("trace_id", "the capture: 16 hex digits of the SHA-256 of its content");

    public static ColumnText FaultId { get; } = new("fault_id", "the fault, as in faults");

    public static ColumnText Model { get; } = new("model", "the model", Values: TraceReplay.Replay.Vocabularies.TableWords.Models);

    public static ColumnText Setting { get; } = new("setting", "the model's setting, which stands for a range of kernels; `tracereplay models` lists them");

    public static ColumnText Vm { get; } = new("vm", "number of the VM in its trace, from 0, in the order in which VMs were first seen");
}
