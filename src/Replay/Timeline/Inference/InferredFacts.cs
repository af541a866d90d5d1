using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline.Inference;

/// <summary>
/// What a trace without probes tells of memslots and pages when it is read whole before it is replayed (spec 8.3): how every
/// fault ended, which gfns a window zaps, where a driver's blocks lie. A fault is never asked about itself.
/// </summary>
internal sealed class InferredFacts(bool intel, bool showsWindows)
{
    // PFERR bits of a nested page fault, which shadow paging's own faults never have (spec 9.2): its address is the guest's physical one.
    private const ulong NestedPageFault = 3UL << 32;

    // Frames of a PC's PCI hole: 3 GiB to 4 GiB. Memory has none there, a device's BAR lies in it.
    private const ulong PciHole = 0xc0000;
    private const ulong EndOfPciHole = 0x100000;

    private readonly Dictionary<int, Open> _open = [];
    private readonly Dictionary<int, ZapsOfWindow> _windows = [];
    private readonly Dictionary<int, X86.GuestExit> _exits = [];
    private readonly Dictionary<int, bool> _nested = [];
    private readonly Dictionary<int, ulong> _mmapLength = [];
    private readonly List<MmapCall> _calls = [];
    private readonly SlotRegions _regions = new();
    private readonly Dictionary<ulong, long> _deviceGfns = [];
    private ulong? _generation;
    private long _nextFault;
    private bool _legacyMmu = true;

    /// <summary>The kinds of event that tell.</summary>
    public static IReadOnlySet<EventKind> Kinds { get; } = new HashSet<EventKind>
    {
        EventKind.PageFault, EventKind.FastPageFault, EventKind.Entry, EventKind.Exit, EventKind.NestedEnter, EventKind.NestedLeft, EventKind.NestedExit, EventKind.UserspaceExit, EventKind.SetSpte, EventKind.SpteChanged,
        EventKind.MarkMmioSpte, EventKind.HandleMmioPageFault, EventKind.CheckMmioSpte, EventKind.ZapAllFast, EventKind.Mmio, EventKind.EmulateInsn, EventKind.UnmapHvaRange, EventKind.AgeHva,
        EventKind.PageAlloc, EventKind.PageFree, EventKind.SysEnterMmap, EventKind.SysExitMmap, EventKind.SysEnterMunmap, EventKind.SysEnterMprotect,
        EventKind.SyscallEdge, EventKind.SysEnterIoctl, EventKind.SysExitIoctl, EventKind.SysEnterMremap, EventKind.SysExitMremap,
    };

    public Witnesses Witnesses { get; } = new();

    public BlockAnchors Blocks { get; } = new();

    public WindowHistory Windows { get; } = new();

    /// <summary>Memslots with the position from which on they hold, in that order.</summary>
    public IReadOnlyList<(long Since, Memslot Slot)> Slots { get; private set; } = [];

    /// <summary>Reads the trace to its end.</summary>
    /// <param name="stream">The events.</param>
    /// <param name="intel">Error codes are exit qualifications.</param>
    /// <param name="showsWindows">The trace would show a window; if not, a leaf that was made tells nothing of later.</param>
    public static InferredFacts Read(EventStream stream, bool intel, bool showsWindows)
    {
        InferredFacts facts = new(intel, showsWindows);
        while (stream.MoveNext())
        {
            facts.Add(stream.Current);
        }

        foreach (int pid in facts._windows.Keys.ToArray())
        {
            facts.CloseWindow(pid);
        }

        // Without a TDP MMU the faults' addresses may be the guest's virtual ones: nothing can be told of gfns.
        facts.Slots = facts._legacyMmu ? [] : [.. facts._regions.Build(facts.Witnesses, facts._calls).OrderBy(slot => slot.Since)];
        return facts;
    }

    /// <summary>Where the slot lies in the VMM's memory is a guess.</summary>
    public bool IsGuessed(Memslot slot) => _regions.IsGuessed(slot);

    /// <summary>Whether a memslot holds <paramref name="gfn"/>, by other faults than the one asked about.</summary>
    public bool? HasSlot(ulong gfn, long seq, long fault) => _legacyMmu ? null : Witnesses.HasSlot(gfn, seq, fault) is true && !showsWindows ? null : Witnesses.HasSlot(gfn, seq, fault);

    /// <summary>Another fault within reach left a leaf of a device's memory: the mapping is VM_IO or VM_PFNMAP.</summary>
    public bool IsDevice(ulong gfn, long fault)
    {
        for (ulong distance = 0; distance < Witnesses.Reach; distance++)
        {
            if ((_deviceGfns.TryGetValue(gfn - distance, out long below) && below != fault) || (_deviceGfns.TryGetValue(gfn + distance, out long above) && above != fault))
            {
                return true;
            }
        }

        return false;
    }

    private void Add(EventCursor e)
    {
        if (!e.TellsEnough || (X86.ExitFaults.IsExit(e) && X86.ExitFaults.IsFault(e) is not true))
        {
            return;
        }

        if (_windows.Count > 0 && e.Kind is not (EventKind.SpteChanged or EventKind.AgeHva))
        {
            CloseWindow(e.Pid);
        }

        switch (e.Kind)
        {
            case EventKind.Exit:
                _exits[e.Pid] = X86.GuestAddresses.OfExit(e, intel);
                _open.Remove(e.Pid);
                break;
            case EventKind.NestedEnter:
                _nested[e.Pid] = X86.GuestAddresses.HasNestedTdp(e);
                break;
            case EventKind.NestedLeft:
                _nested.TryAdd(e.Pid, true);
                break;
            case EventKind.NestedExit:
                _nested.Remove(e.Pid);
                break;
            case EventKind.PageFault:
                X86.GuestExit exit = _exits.GetValueOrDefault(e.Pid);
                if (exit == X86.GuestExit.GuestPageFault || _nested.GetValueOrDefault(e.Pid))
                {
                    _open.Remove(e.Pid);
                    _nextFault++;
                    break;
                }

                _legacyMmu &= exit == X86.GuestExit.Unknown && (intel || (e[1] & NestedPageFault) == 0);
                _open[e.Pid] = new Open(_nextFault++, e[0] >> 12, X86.FaultCodes.AccessOf(e[1], intel), e.Seq);
                SeeMmioEntry(_open[e.Pid]);
                break;
            case EventKind.SetSpte:
                OnSetSpte(e);
                break;
            case EventKind.CheckMmioSpte when e.Knows(0):
                SeeGeneration(e[0], _open.TryGetValue(e.Pid, out Open checking) ? checking.Seq : e.Seq);
                break;
            case EventKind.ZapAllFast:
                Witnesses.SlotsChange(e.Seq);
                break;
            case EventKind.MarkMmioSpte or EventKind.HandleMmioPageFault:
                Testify(e, WitnessKind.NoSlot);
                break;
            case EventKind.Mmio or EventKind.EmulateInsn when _open.TryGetValue(e.Pid, out Open fault):
                Testify(e, fault.Write && !fault.Reserved ? WitnessKind.EmulatedWrite : WitnessKind.NoSlot);
                break;
            case EventKind.UserspaceExit:
                if ((int)e[1] == -14)
                {
                    Testify(e, WitnessKind.Refused);
                }

                _open.Remove(e.Pid);
                break;
            case EventKind.Entry:
                _open.Remove(e.Pid);
                break;
            case EventKind.UnmapHvaRange:
                Windows.Add(e[0] >> 12, (e[1] + 4095) >> 12, e.Seq);
                _windows[e.Pid] = new ZapsOfWindow(e[0] >> 12, (e[1] + 4095) >> 12, ulong.MaxValue, 0, e.Seq);
                break;
            case EventKind.SpteChanged:
                OnSpteChanged(e);
                break;
            case EventKind.PageAlloc:
                Blocks.Allocate(e[0], (int)e[1], e[2], e.Seq);
                break;
            case EventKind.PageFree:
                Blocks.Free(e[0], e.Seq);
                break;
            case EventKind.SysEnterMunmap:
                Trim(e[0] >> 12, (e[0] + e[1] + 4095) >> 12, e.Pid);
                break;
            case EventKind.SysEnterMmap:
                _mmapLength[e.Pid] = e[0];
                break;
            case EventKind.SysExitMmap when _mmapLength.Remove(e.Pid, out ulong length) && (long)e[0] is < -4095 or >= 0:
                _calls.Add(new MmapCall(e[0] >> 12, (length + 4095) >> 12, e.Seq, e.Pid));
                break;
        }
    }

    /// <summary>A fault with the reserved bit met an MMIO SPTE: before it, another one found no memslot here.</summary>
    private void SeeMmioEntry(Open fault)
    {
        if (fault.Reserved)
        {
            Witnesses.Add(fault.Gfn, new Witness(WitnessKind.NoSlot, fault.Write, fault.Id, fault.Seq - 1));
        }
    }

    /// <summary>The MMIO generation moves with the memslots (spec 4.7): since it was last seen, a call has changed them.</summary>
    private void SeeGeneration(ulong generation, long seq)
    {
        if (_generation is { } last && last != generation)
        {
            // At the latest before the fault that sees it; what others said meanwhile is about as old.
            Witnesses.SlotsChange(seq - 1);
        }

        _generation = generation;
    }

    private void OnSetSpte(EventCursor e)
    {
        int level = (int)(byte)e[2];
        if (!_open.TryGetValue(e.Pid, out Open fault) || level is 0 or > 3 || (e[0] ^ fault.Gfn) >= Levels.Pages(level))
        {
            return;
        }

        if (fault.Reserved)
        {
            // Over an MMIO SPTE: a memslot has come since.
            Witnesses.SlotsChange(fault.Seq - 1);
        }

        ulong pfn = SpteLayout.Pfn(e[1]) + (fault.Gfn & (Levels.Pages(level) - 1));
        bool inBlock = Blocks.Place(fault.Gfn, pfn, fault.Id);
        if (inBlock || IsInPciHole(pfn))
        {
            // The first to say so; another that says it too makes it certain for both.
            _deviceGfns[fault.Gfn] = _deviceGfns.TryGetValue(fault.Gfn, out long first) && first != fault.Id ? -1 : fault.Id;
        }

        Testify(e, WitnessKind.Leaf);
    }

    /// <summary>The frame is a device's own memory.</summary>
    public static bool IsInPciHole(ulong pfn) => pfn is >= PciHole and < EndOfPciHole;

    private void OnSpteChanged(EventCursor e)
    {
        _legacyMmu = false;
        if (_windows.TryGetValue(e.Pid, out ZapsOfWindow window) && e[3] is 1 or 2 && SpteLayout.IsPresent(e[1]) && !SpteLayout.IsPresent(e[2])
            && (e[3] == 1 || (e[1] & SpteLayout.LargeBit) != 0))
        {
            ulong last = e[0] + Levels.Pages((int)e[3]) - 1;
            _windows[e.Pid] = window with { First = Math.Min(window.First, e[0]), Last = Math.Max(window.Last, e[3] == 1 ? e[0] : last) };
        }
    }

    private void CloseWindow(int pid)
    {
        if (_windows.Remove(pid, out ZapsOfWindow window) && window.First <= window.Last)
        {
            _regions.SeeZaps(window.StartPage, window.EndPage, window.First, window.Last, window.Seq);
        }
    }

    /// <summary>A munmap of a mapping's head or tail, as an aligned allocation makes, leaves the rest; one of it all says nothing of before.</summary>
    private void Trim(ulong start, ulong end, int pid)
    {
        for (int i = 0; i < _calls.Count; i++)
        {
            MmapCall call = _calls[i];
            if (call.Pid != pid)
            {
                continue;
            }

            if (start <= call.Page && end > call.Page && end < call.Page + call.Pages)
            {
                _calls[i] = call with { Page = end, Pages = call.Page + call.Pages - end };
            }
            else if (start > call.Page && start < call.Page + call.Pages && end >= call.Page + call.Pages)
            {
                _calls[i] = call with { Pages = start - call.Page };
            }
        }
    }

    private void Testify(EventCursor e, WitnessKind kind)
    {
        if (_open.TryGetValue(e.Pid, out Open fault) && !fault.Testified)
        {
            _open[e.Pid] = fault with { Testified = true };
            Witnesses.Add(fault.Gfn, new Witness(kind, fault.Write, fault.Id, e.Seq));
        }
    }

    private readonly record struct Open(long Id, ulong Gfn, FaultAccess Access, long Seq, bool Testified = false)
    {
        public bool Write => (Access & FaultAccess.Write) != 0;

        public bool Reserved => (Access & FaultAccess.Reserved) != 0;
    }

    private readonly record struct ZapsOfWindow(ulong StartPage, ulong EndPage, ulong First, ulong Last, long Seq);
}
