using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Capture;

/// <summary>What a capture says about itself. null where it does not say.</summary>
public sealed class CaptureInfo
{
    public required string Path { get; init; }

    /// <summary><c>trace.dat</c>, <c>perf.data</c>, ...</summary>
    public required string Format { get; init; }

    public string? Version { get; set; }

    /// <summary>The kernel's release, as <c>uname -r</c> prints it.</summary>
    public string? Kernel { get; set; }

    public string? Arch { get; set; }

    public string? Host { get; set; }

    /// <summary><c>amd</c> or <c>intel</c>; where the capture does not say it, inferred from the recorded symbols or the exits that a text names.</summary>
    public string? CpuVendor
    {
        get => _cpuVendor ??= Symbols.CpuVendor();
        set => _cpuVendor = value;
    }

    public string? Clock { get; set; }

    /// <summary><c>ns</c>, or what the clock counts: <c>cycles</c>, <c>events</c>, <c>ticks</c>.</summary>
    public string ClockUnit { get; set; } = "ns";

    /// <summary>CPUs of the captured machine that the capture has buffers for.</summary>
    public int Cpus { get; set; }

    /// <summary>Whether every event says its CPU; false if some have <see cref="EventRecord.Cpu"/> -1.</summary>
    public bool CpuRecorded { get; set; } = true;

    /// <summary>Whether every event says its thread, even if only that it was gone; false if some have <see cref="EventRecord.Pid"/> -1 for want of it.</summary>
    public bool PidRecorded { get; set; } = true;

    /// <summary>When the capture was made, if recorded.</summary>
    public DateOnly? Date { get; set; }

    /// <summary>Names of the buffer instances; the top one is the empty string.</summary>
    public IReadOnlyList<string> Instances { get; set; } = [""];

    public EventFormatTable Events { get; } = new();

    public SymbolTable Symbols { get; set; } = SymbolTable.Empty;

    /// <summary>Guests whose vCPU threads are known: host thread id to (guest, vCPU).</summary>
    public Dictionary<int, (string Guest, int Vcpu)> GuestThreads { get; } = [];

    /// <summary>What of the input is not in the capture: other parts of a mail or an archive.</summary>
    public List<string> Notes { get; } = [];

    public WarningList Warnings { get; } = [];

    /// <summary>Parts were passed over that may have held events, as <see cref="Warnings"/> says.</summary>
    public bool PassedOver { get; set; }

    /// <summary>Damage met while opening; events before it can still be read.</summary>
    public CaptureDamage? Damage { get; set; }

    /// <summary><c>amd</c> or <c>intel</c> by the vendor with which perf's cpuid begins; Hygon's CPUs have AMD's virtualization.</summary>
    internal static string? VendorOf(string? cpuId) => cpuId switch
    {
        { } id when id.StartsWith("AuthenticAMD", StringComparison.Ordinal) || id.StartsWith("HygonGenuine", StringComparison.Ordinal) => "amd",
        { } id when id.StartsWith("GenuineIntel", StringComparison.Ordinal) => "intel",
        _ => null,
    };

    private string? _cpuVendor;
}
