using System.Text;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Scripts;

/// <summary>How one kind of operation is written: its verb, then its parts in order.</summary>
internal sealed record LineForm(OperationKind Kind, string Verb, params LinePart[] Parts)
{
    private const ulong MaxGfn = (1UL << 40) - 1;
    private const ulong MaxPfn = (1UL << 40) - 1;

    private static readonly (string, ulong)[] s_vmaFlags =
    [
        ("read", (ulong)VmaFlags.Read),
        ("write", (ulong)VmaFlags.Write),
        ("exec", (ulong)VmaFlags.Exec),
        ("shared", (ulong)VmaFlags.Shared),
        ("pfnmap", (ulong)VmaFlags.PfnMap),
        ("io", (ulong)VmaFlags.Io),
        ("mixedmap", (ulong)VmaFlags.MixedMap),
    ];

    private static readonly string[] s_facts =
        ["none", "found", "not_made", "forbidden", "driver_refused", "interrupted", "poisoned", "async_queued", "faulted_in", "lock_killed", "guest_memfd", "order_unknown"];

    /// <summary>Every kind of operation once; a verb that begins another one comes after it.</summary>
    public static IReadOnlyList<LineForm> All { get; } =
    [
        new(OperationKind.SlotInvalidate, "slot invalidate", Id()),
        new(OperationKind.SlotRemove, "slot remove", Id()),
        new(OperationKind.SlotPut, "slot", Id(), Gfn(), new NumberPart(Place.B, "pages", "pages", MaxGfn) { Decimal = true }, new NumberPart(Place.C, "hva", "hva", ulong.MaxValue >> 1),
            new FlagsPart(Place.LowD,
                ("log_dirty", (ulong)MemslotFlags.LogDirty), ("readonly", (ulong)MemslotFlags.ReadOnly), ("guest_memfd", (ulong)MemslotFlags.GuestMemfd), ("invalid", (ulong)MemslotFlags.Invalid))),
        new(OperationKind.SlotRefused, "slot_refused", Id(), Gfn(), new NumberPart(Place.B, "pages", "pages", MaxGfn) { Decimal = true }, new NumberPart(Place.C, "hva", "hva", ulong.MaxValue >> 1)),
        new(OperationKind.WindowBegin, "window begin", Start(), End(), new NumberPart(Place.C, "event", "event") { Decimal = true, Optional = true }),
        new(OperationKind.WindowEnd, "window end", Start(), End(),
            new NumberPart(Place.C, "seq", "seq", ulong.MaxValue - 1) { Decimal = true, Optional = true, PlusOne = true },
            new NumberPart(Place.D, "in_progress", "in_progress", int.MaxValue) { Decimal = true, Optional = true }),
        new(OperationKind.PteKnown, "pte", new NumberPart(Place.A, "", "hva"), new HostPtePart()),
        new(OperationKind.PteMemory, "pte_memory", new NumberPart(Place.A, "", "hva"), new NumberPart(Place.B, "ram", "ram", 1) { Decimal = true }),
        new(OperationKind.VmaMapKind, "vma of", new ChoicePart(Place.D, "kind", Enum.GetNames<PageKind>()), Start(), End(), new FlagsPart(Place.C, s_vmaFlags)),
        new(OperationKind.VmaMap, "vma", Start(), End(), new NumberPart(Place.D, "bo", "bo") { Optional = true }, new FlagsPart(Place.C, s_vmaFlags)),
        new(OperationKind.VmaUnmap, "munmap", Start(), End()),
        new(OperationKind.VmaProtect, "mprotect", Start(), End(), new FlagsPart(Place.C, s_vmaFlags)),
        new(OperationKind.PageAlloc, "alloc", Pfn(Place.A), new NumberPart(Place.B, "order", "order", 10) { Decimal = true }, new FlagsPart(Place.C, ("compound", 1UL << 18))),
        new(OperationKind.PageFree, "free", Pfn(Place.A), new NumberPart(Place.B, "order", "order", 10) { Decimal = true, Optional = true }),
        new(OperationKind.SplitBlock, "split_block", Pfn(Place.A)),
        new(OperationKind.ChangePte, "change_pte", new NumberPart(Place.A, "", "hva"), new HostPtePart(), new NumberPart(Place.C, "recorded", "recorded", 1) { Decimal = true, Optional = true }),
        new(OperationKind.VcpuMap, "vcpu_map", Open(), Gfn()),
        new(OperationKind.VcpuUnmap, "vcpu_unmap", Open()),
        new(OperationKind.PfnCacheLookup, "pfn_cache lookup", Open(), new NumberPart(Place.A, "hva", "hva")),
        new(OperationKind.PfnCacheCommit, "pfn_cache commit", Open()),
        new(OperationKind.PfnCacheUse, "pfn_cache use", Open()),
        new(OperationKind.PrefetchNeighbours, "prefetch_neighbours", Gfn()),
        new(OperationKind.NoBlockOrders, "no_block_orders"),
        new(OperationKind.BoPlace, "bo", new NumberPart(Place.A, "", "bo"), new NumberPart(Place.B, "memory", "memory") { Decimal = true }),
        new(OperationKind.FaultBegin, "fault begin", Open(), new NumberPart(Place.A, "gpa", "gpa", (MaxGfn << 12) | 0xfff),
            new NumberPart(Place.D, "gva", "gva") { Optional = true, Min = 4 },
            new NumberPart(Place.D, "met_level", "met_level", 3) { Decimal = true, Optional = true, KeepsOther = true },
            new NumberPart(Place.C, "slots_unknown", "slots_unknown", 4) { Decimal = true, Optional = true },
            new FlagsPart(Place.B, ("present", (ulong)FaultAccess.Present), ("write", (ulong)FaultAccess.Write), ("reserved", (ulong)FaultAccess.Reserved),
                ("exec", (ulong)FaultAccess.Exec), ("prefetch", (ulong)FaultAccess.Prefetch), ("shadow", (ulong)FaultAccess.Shadow),
                ("access_flag", (ulong)FaultAccess.AccessFlag), ("no_syndrome", (ulong)FaultAccess.NoSyndrome), ("table_walk", (ulong)FaultAccess.TableWalk), ("cache_maintenance", (ulong)FaultAccess.CacheMaintenance))),
        new(OperationKind.FaultLookup, "fault lookup", Open(), new ChoicePart(Place.A, "", s_facts), new NumberPart(Place.B, "snapshot", "snapshot", ulong.MaxValue - 1) { Decimal = true, Optional = true, PlusOne = true }),
        new(OperationKind.FaultMap, "fault map", Open(), new ChoicePart(Place.A, "", s_facts)),
        new(OperationKind.Age, "age", Start(), End()),
        new(OperationKind.WriteProtect, "write_protect", Gfn(), Level(Place.B)),
        new(OperationKind.WriteProtectRange, "write_protect_range", new NumberPart(Place.A, "from", "the first gfn", MaxGfn), new NumberPart(Place.B, "to", "the gfn behind the last", MaxGfn)),
        new(OperationKind.ClearDirty, "clear_dirty", Gfn(), Level(Place.B)),
        new(OperationKind.ZapLeaf, "zap", Gfn(), Level(Place.B)),
        new(OperationKind.ZapRange, "zap_range", new NumberPart(Place.A, "from", "the first gfn", MaxGfn), new NumberPart(Place.B, "to", "the gfn behind the last", MaxGfn)),
        new(OperationKind.SplitHuge, "split", Gfn(), Level(Place.B)),
        new(OperationKind.CollapseHuge, "collapse", Gfn(), Level(Place.B), Pfn(Place.C)),
        new(OperationKind.ZapAll, "zap_all"),
        new(OperationKind.LeafKnown, "leaf known", Gfn(), Level(Place.D), new NumberPart(Place.B, "spte", "spte"), new NumberPart(Place.C, "stands", "stands", 1) { Decimal = true, Optional = true }),
        new(OperationKind.LeafObserved, "leaf", Gfn(), Level(Place.D), new NumberPart(Place.B, "old", "old"), new NumberPart(Place.C, "new", "new"),
            new NumberPart(Place.FaultId, "seq", "seq", long.MaxValue) { Decimal = true }),
    ];

    public string[] Words { get; } = Verb.Split(' ');

    public bool IsOfFault => Kind is OperationKind.FaultBegin or OperationKind.FaultLookup or OperationKind.FaultMap;

    public void Write(in Operation op, StringBuilder line)
    {
        line.Append(Verb);
        foreach (LinePart part in Parts)
        {
            part.Write(in op, line);
        }
    }

    private static NumberPart Id() => new(Place.HighD, "", "the slot's id", (ulong)short.MaxValue) { Decimal = true };

    private static NumberPart Gfn() => new(Place.A, "gfn", "gfn", MaxGfn);

    private static NumberPart Pfn(Place place) => new(place, "pfn", "pfn", MaxPfn);

    private static NumberPart Start() => new(Place.A, "", "the start");

    private static NumberPart End() => new(Place.B, "", "the end");

    private static NumberPart Open() => new(Place.Open, "", "the fault", FaultLimits.MaxOpen - 1) { Decimal = true };

    private static NumberPart Level(Place place) => new(place, "level", "level", 3) { Decimal = true, Min = 1 };
}

/// <summary>A leaf of the VMM's page table: <c>absent</c>, or pfn and what may be done with it.</summary>
internal sealed class HostPtePart() : LinePart(Place.B)
{
    public override void Read(LineWords words, ref Operation op)
    {
        if (words.Take("absent"))
        {
            Set(ref op, 0);
            return;
        }

        if (!words.Take("pfn"))
        {
            throw words.Complaint($"{words.Peek}, expected 'pfn' or 'absent'");
        }

        ulong pfn = words.Number("pfn", (1UL << 40) - 1);
        bool writable = words.Take("writable");
        bool special = words.Take("special");
        ulong level = words.Take("level") ? words.Number("level", 3) : 1;
        Set(ref op, HostPte.Make(pfn, writable, special, (int)Math.Max(1, level)).Raw);
    }

    public override void Write(in Operation op, StringBuilder line)
    {
        HostPte pte = new(Get(in op));
        if (!pte.Present)
        {
            line.Append(" absent");
            return;
        }

        line.Append(System.Globalization.CultureInfo.InvariantCulture, $" pfn 0x{pte.Pfn:x}");
        line.Append(pte.Writable ? " writable" : "").Append(pte.Special ? " special" : "");
        line.Append(pte.Level > 1 ? $" level {pte.Level}" : "");
    }
}
