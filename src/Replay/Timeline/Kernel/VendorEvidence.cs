namespace TraceReplay.Replay.Timeline.Kernel;

/// <summary>Something that a capture shows of the CPU's vendor.</summary>
internal sealed record VendorEvidence(bool Intel, string What)
{
    private const ulong GuestFinalOrPage = 3UL << 32;
    private const ulong Translation = 3UL << 7;

    /// <summary>In the order of their weight: what the vendor module itself records, then what follows from values.</summary>
    public static IEnumerable<VendorEvidence> Read(KernelRecords records)
    {
        VendorCounts seen = records.Vendors;
        foreach ((long vmx, long svm, string onVmx, string onSvm) in ((long, long, string, string)[])
        [
            (seen.IsaVmx, seen.IsaSvm, "kvm_exit's isa is VMX", "kvm_exit's isa is SVM"),
            (seen.Qualifications, seen.NestedFaults, "kvm_page_fault's error codes are exit qualifications", "kvm_page_fault's error codes are those of nested page faults"),
            (seen.EptExits, seen.NpfExits, "exits 48 and 49 are EPT violation and misconfig", "exit 0x400 is a nested page fault"),
            (seen.EptLeaves, seen.NptLeaves, "SPTEs have EPT's bits", "SPTEs have NPT's bits"),
            (seen.EptMmio, seen.NptMmio, "MMIO SPTEs are EPT's (110b)", "MMIO SPTEs are not EPT's"),
        ])
        {
            if (vmx > 0 || svm > 0)
            {
                yield return new VendorEvidence(vmx > svm, vmx > svm ? onVmx : onSvm);
            }
        }

        bool vmxFunctions = records.ProbedFunctions.Any(name => name.StartsWith("vmx_", StringComparison.Ordinal));
        bool svmFunctions = records.ProbedFunctions.Any(name => name.StartsWith("svm_", StringComparison.Ordinal));
        if (vmxFunctions != svmFunctions)
        {
            yield return new VendorEvidence(vmxFunctions, vmxFunctions ? "vmx_ functions are probed" : "svm_ functions are probed");
        }
    }

    /// <summary>An EPT violation's qualification has bits 7 and 8 where a #PF error code has none; an NPF's has bit 32 or 33.</summary>
    public static void CountErrorCode(ulong code, VendorCounts counts)
    {
        if ((code & GuestFinalOrPage) != 0)
        {
            counts.NestedFaults++;
        }
        else if ((code & Translation) != 0)
        {
            counts.Qualifications++;
        }
    }

    /// <summary>Software bits of a writable leaf (spec 2.1). A leaf of 5.10 has neither layout: bits 10 and 11.</summary>
    public static void CountLeaf(ulong spte, VendorCounts counts)
    {
        const ulong writable = (1UL << 11) | (1UL << 1);
        const ulong ept = (1UL << 57) | (1UL << 58);
        const ulong ept7 = (1UL << 53) | (1UL << 55);
        const ulong npt = (1UL << 9) | (1UL << 10);
        const ulong accessedOnEpt = 1UL << 8;
        if ((spte & writable) != writable)
        {
            return;
        }

        if ((spte & ept) == ept)
        {
            counts.EptLeaves++;
            counts.EptLeavesOld++;
        }
        else if ((spte & ept7) == ept7)
        {
            counts.EptLeaves++;
            counts.EptLeavesNew++;
        }
        else if ((spte & (npt | accessedOnEpt | ept | ept7)) == npt)
        {
            counts.NptLeaves++;
        }
    }

    public static void CountMmio(ulong spte, VendorCounts counts)
    {
        counts.EptMmio += (spte & 7) == 6 ? 1 : 0;
        counts.NptMmio += (spte & 1) == 1 ? 1 : 0;
    }

    public static void CountExit(ulong? isa, ulong reason, VendorCounts counts)
    {
        switch (isa)
        {
            case 1:
                counts.IsaVmx++;
                break;
            case 2:
                counts.IsaSvm++;
                break;
            case null:
                counts.NpfExits += reason == 0x400 ? 1 : 0;
                counts.EptExits += reason is 48 or 49 ? 1 : 0;
                break;
        }
    }
}

/// <summary>How often each sign was seen.</summary>
internal sealed class VendorCounts
{
    public long IsaVmx { get; set; }

    public long IsaSvm { get; set; }

    public long Qualifications { get; set; }

    public long NestedFaults { get; set; }

    public long EptExits { get; set; }

    public long NpfExits { get; set; }

    public long EptLeaves { get; set; }

    /// <summary>With the software bits of 6.12 and older.</summary>
    public long EptLeavesOld { get; set; }

    /// <summary>With those of 7.x.</summary>
    public long EptLeavesNew { get; set; }

    public long NptLeaves { get; set; }

    public long EptMmio { get; set; }

    public long NptMmio { get; set; }
}
