using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Tests.Oracle;

/// <summary>
/// Makes a stream of operations that a kernel could emit out of any numbers: each number is a move, and a move that is not
/// possible now becomes another one or nothing. So any subset of the moves is a valid stream too, which is what shrinking needs.
/// </summary>
internal sealed partial class Sequence
{
    private const int Vms = 2;

    private readonly GuestMemory[] _vms = [new(), new()];
    private readonly List<(ulong Pfn, int Order)> _blocks = [];
    private readonly List<ulong> _freed = [];
    private readonly Dictionary<ulong, bool> _inVram = [];
    private ulong _nextBlock = 0x60000000;
    private long _faults;
    private bool _shadow;
    private short _vm;
    private byte _as;

    private readonly bool _arm64;

    private Sequence(bool arm64) => _arm64 = arm64;

    public List<Operation> Operations { get; } = [];

    /// <param name="moves">The numbers.</param>
    /// <param name="arm64">As arm64's KVM emits them.</param>
    public static Sequence Of(IReadOnlyList<ulong> moves, bool arm64 = false)
    {
        Sequence sequence = new(arm64);
        Dice first = new(moves.Count == 0 ? 0 : moves[0]);
        sequence.Start(ref first);
        foreach (ulong move in moves)
        {
            Dice dice = new(move);
            sequence.Move(ref dice);
        }

        return sequence;
    }

    private GuestMemory Vm => _vms[_vm];

    /// <summary>Most streams begin with a memslot; without one nothing is worth a fault.</summary>
    private void Start(ref Dice dice)
    {
        _vm = 0;
        _shadow = dice.Chance(10) && !_arm64;
        if (dice.Chance(95))
        {
            CreateSlot(ref dice);
        }
    }

    private void Move(ref Dice dice)
    {
        _vm = (short)(dice.Chance(88) ? 0 : dice.Roll(Vms));
        _as = 0;
        switch (dice.Roll(100))
        {
            case < 26: WholeFault(ref dice); break;
            case < 38: BeginFault(ref dice); break;
            case < 56: ContinueFault(ref dice); break;
            case < 64: BeginWindow(ref dice, remap: dice.Chance(40)); break;
            case < 72: EndWindow(ref dice); break;
            case < 76: Remap(ref dice); break;
            case < 79: CreateSlot(ref dice); break;
            case < 82: DeleteSlot(ref dice); break;
            case < 86: LogDirty(ref dice); break;
            case < 94: Maintain(ref dice); break;
            case < 97: Allocate(ref dice); break;
            default: Free(ref dice); break;
        }
    }

    private void Do(OperationKind kind, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0) =>
        Operations.Add(new Operation { Kind = kind, Vm = _vm, AsId = _as, Open = -1, FaultId = -1, A = a, B = b, C = c, D = d });

    private static ulong HvaOf(ulong page) => Universe.Hva + (page << 12);

    private void WholeFault(ref Dice dice)
    {
        if (BeginFault(ref dice) is { } fault)
        {
            if (dice.Chance(90))
            {
                LookUp(fault, ref dice);
            }

            MapFault(fault, ref dice);
        }
    }

    private OpenFault? BeginFault(ref Dice dice)
    {
        int vcpu = Array.IndexOf(Vm.Faults, null);
        if (vcpu < 0)
        {
            return null;
        }

        Memslot? slot = Vm.Slots.Count == 0 || dice.Chance(8) ? null : dice.Of(Vm.Slots);
        byte asId = (byte)(slot?.AsId ?? (_arm64 ? 0 : dice.Roll(2)));
        ulong page = dice.Of(Universe.Spots);
        ulong gfn = slot is null ? dice.Of(Universe.Mmio) : slot.Gfn(HvaOf(page));
        slot = Vm.Slots.Find(s => s.AsId == asId && gfn >= s.BaseGfn && gfn < s.EndGfn);
        FaultAccess access = FaultAccess.None;
        if (_arm64)
        {
            return BeginAbort(vcpu, asId, gfn, slot, ref dice);
        }

        access |= dice.Chance(50) ? FaultAccess.Write : dice.Chance(15) ? FaultAccess.Exec : 0;
        access |= dice.Chance(45) ? FaultAccess.Present : 0;
        access |= dice.Chance(slot is null ? 60 : 3) ? FaultAccess.Reserved : 0;
        access |= dice.Chance(7) ? FaultAccess.Prefetch : 0;
        access |= _shadow ? FaultAccess.Shadow : 0;
        OpenFault fault = new((_vm * 4) + vcpu, _faults++, asId, gfn, slot, (access & FaultAccess.Write) != 0, (access & FaultAccess.Prefetch) != 0);
        Vm.Faults[vcpu] = fault;
        Step(fault, OperationKind.FaultBegin, gfn << 12, (ulong)access);
        return fault;
    }

    private OpenFault BeginAbort(int vcpu, byte asId, ulong gfn, Memslot? slot, ref Dice dice)
    {
        FaultAccess access = dice.Chance(50) ? FaultAccess.Write : dice.Chance(25) ? FaultAccess.Exec : 0;
        ulong met = dice.Chance(60) ? 0UL : (ulong)(1 + dice.Roll(2));
        access |= met > 0 ? FaultAccess.Present : 0;
        access |= met > 0 && dice.Chance(20) ? FaultAccess.AccessFlag : 0;
        access |= (access & FaultAccess.Exec) == 0 && dice.Chance(15) ? FaultAccess.NoSyndrome : 0;
        access |= (access & (FaultAccess.Exec | FaultAccess.Write)) == 0 && dice.Chance(8) ? FaultAccess.TableWalk : 0;
        access |= (access & FaultAccess.Exec) == 0 && dice.Chance(5) ? FaultAccess.CacheMaintenance : 0;
        OpenFault fault = new((_vm * 4) + vcpu, _faults++, asId, gfn, slot, (access & FaultAccess.Write) != 0, Prefetch: false);
        Vm.Faults[vcpu] = fault;
        Step(fault, OperationKind.FaultBegin, gfn << 12, (ulong)access, met);
        return fault;
    }

    private void ContinueFault(ref Dice dice)
    {
        int first = dice.Roll(3);
        for (int i = 0; i < 3; i++)
        {
            if (Vm.Faults[(first + i) % 3] is { } fault)
            {
                if (fault.LookedUp || dice.Chance(10))
                {
                    MapFault(fault, ref dice);
                }
                else
                {
                    LookUp(fault, ref dice);
                }

                return;
            }
        }
    }

    private void LookUp(OpenFault fault, ref Dice dice)
    {
        LookupFact fact = Prepare(fault, ref dice);
        Step(fault, OperationKind.FaultLookup, (ulong)fact);
        fault.LookedUp = true;
    }

    private void MapFault(OpenFault fault, ref Dice dice)
    {
        LookupFact fact = fault.LookedUp ? LookupFact.None : Prepare(fault, ref dice);
        Step(fault, OperationKind.FaultMap, (ulong)fact);
        Vm.Faults[fault.Open % 4] = null;
    }

    private void Step(OpenFault fault, OperationKind kind, ulong a, ulong b = 0, ulong d = 0) =>
        Operations.Add(new Operation { Kind = kind, Vm = _vm, AsId = fault.AsId, Open = fault.Open, FaultId = fault.Id, A = a, B = b, D = d });

    /// <summary>The host's part of a lookup: a leaf appears, or copy-on-write is broken with a window of its own.</summary>
    private LookupFact Prepare(OpenFault fault, ref Dice dice)
    {
        if (dice.Chance(6))
        {
            LookupFact[] failures = [LookupFact.Forbidden, LookupFact.DriverRefused, LookupFact.Interrupted, LookupFact.Poisoned, LookupFact.AsyncQueued, LookupFact.NotMade, LookupFact.LockKilled, LookupFact.GuestMemfd];
            LookupFact failure = _arm64 ? dice.Of([LookupFact.Forbidden, LookupFact.DriverRefused, LookupFact.Poisoned, LookupFact.NotMade]) : dice.Of(failures);
            return failure == LookupFact.AsyncQueued && fault.Prefetch ? LookupFact.None : failure;
        }

        if (fault.Slot is not { } slot)
        {
            return LookupFact.None;
        }

        ulong page = (slot.Hva(fault.Gfn) - Universe.Hva) >> 12;
        Backing backing = Vm.BackingOf(page);
        if (!Vm.Leaves.TryGetValue(page, out KnownLeaf? leaf) && dice.Chance(93))
        {
            leaf = Vm.PartOfHuge(page) ?? NewLeaf(page, backing, ref dice);
            Know(page, leaf);
        }

        if (leaf is { Writable: false } && fault.Write && backing.MayWrite && !backing.IsDriver && !leaf.Special)
        {
            leaf = BreakCopyOnWrite(page, leaf, ref dice);
        }

        bool shown = leaf is not null && !backing.Refuses && dice.Chance(50);
        return !shown ? LookupFact.None : dice.Chance(80) ? LookupFact.Found : LookupFact.FaultedIn;
    }

    private KnownLeaf BreakCopyOnWrite(ulong page, KnownLeaf leaf, ref Dice dice)
    {
        switch (dice.Roll(3))
        {
            case 0:
                (ulong start, ulong end) = Vm.Whole(HvaOf(page), HvaOf(page + 1));
                Do(OperationKind.WindowBegin, start, end);
                Vm.Forget(start, end);
                Do(OperationKind.WindowEnd, start, end);
                leaf = new KnownLeaf(leaf.Pfn ^ 0x400000, Writable: true, Special: false, Level: 1);
                Know(page, leaf);
                return leaf;
            case 1:
                // Reused in place: nobody is told.
                if (leaf.Level == 1)
                {
                    leaf = leaf with { Writable = true };
                    Know(page, leaf);
                }

                return leaf;
            default:
                return leaf;
        }
    }

    private KnownLeaf NewLeaf(ulong page, Backing backing, ref Dice dice)
    {
        bool writable = backing.MayWrite && dice.Chance(70);
        int level = backing.MayBeHuge && dice.Chance(35) ? Math.Min(Vm.FreeLevel(page), dice.Chance(70) ? 2 : 3) : 1;
        if (backing.IsDriver)
        {
            return new KnownLeaf(DriverPfn(page, backing, level, ref dice), writable, Special: true, level);
        }

        bool special = level == 1 && backing.Kind == PageKind.Unknown && (backing == Backing.Untold || (backing.Flags & VmaFlags.Io) == 0) && dice.Chance(30);
        ulong version = level == 1 && dice.Chance(30) ? 0x400000UL : 0;
        ulong pfn = (special ? 0x70000000 : backing.FirstPfn) + page + version;
        return new KnownLeaf(pfn, writable && backing.Kind != PageKind.A3, special, level);
    }

    private ulong DriverPfn(ulong page, Backing backing, int level, ref Dice dice)
    {
        bool vram = _inVram.GetValueOrDefault(backing.Bo);
        if (level == 1 && backing.Kind == PageKind.Unknown && !vram && _blocks.Count > 0 && dice.Chance(75))
        {
            (ulong pfn, int order) = dice.Of(_blocks);
            return pfn + (ulong)dice.Roll(1 << order);
        }

        // Huge leaves and BARs have no struct page (row H); what a buffer in system memory has lies elsewhere.
        return (level > 1 || vram || backing.Bo == 0 && backing.Kind == PageKind.Unknown ? 0x50000000 : backing.FirstPfn) + page;
    }

    private void Know(ulong page, KnownLeaf leaf)
    {
        Vm.Leaves[page] = leaf;
        Do(OperationKind.PteKnown, HvaOf(page), HostPte.Make(leaf.Pfn, leaf.Writable, leaf.Special, leaf.Level).Raw);
    }
}
