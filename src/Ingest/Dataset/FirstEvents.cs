using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Dataset;

/// <summary>What the first events of each kind say of the whole capture.</summary>
internal sealed class FirstEvents
{
    /// <summary>What the first kvm_exit says of the CPU: its isa is VMX or SVM.</summary>
    public string? Vendor { get; private set; }

    /// <summary>The scenario that one of the first markers names; null if none does.</summary>
    public string? Scenario { get; private set; }

    public void See(in EventRecord record)
    {
        SeeVendor(in record);
        if (Scenario is null && record.Format.Name is "print" or "tracing_mark_write" or "bprint" or "bputs")
        {
            Scenario = ScenarioName.InMarker(record.Payload);
        }
    }

    private void SeeVendor(in EventRecord record)
    {
        EventFormat format = record.Format;
        if (format.System != "kvm" || format.Name is not ("kvm_exit" or "kvm_nested_vmexit") || format.Field("isa") is not { Size: 4 } isa || isa.Offset + 4 > record.Payload.Length)
        {
            return;
        }

        // 1 and 2 in the byte that either order has them in.
        ReadOnlySpan<byte> bytes = record.Payload.Slice(isa.Offset, isa.Size);
        Vendor ??= (bytes[0] | bytes[3]) switch
        {
            1 => "intel",
            2 => "amd",
            _ => null,
        };
    }
}
