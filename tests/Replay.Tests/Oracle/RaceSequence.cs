using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Oracle;
using TraceReplay.Replay.Oracle.Orders;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Tests.Oracle;

/// <summary>
/// A short recorded stream in which windows, faults and memslot calls of several tasks lie across each other, so that their records leave
/// the order open. Each number drawn is one task; any subset of them is a valid stream.
/// </summary>
internal sealed class RaceSequence
{
    private const ulong Hva = 0x7f00_0000_0000;
    private const ulong OneMore = 4096;

    private static readonly (ulong First, ulong Pages)[] s_ranges = [(2, 1), (2, 1), (2, 1), (0, 1), (4, 1), (0, 3), (1, 8), (3, 2), (14, 4), (20, 2), (16, 1), (20, 1), (32, 4), (100, 2)];
    private static readonly ulong[] s_gfns = [0x1002, 0x1002, 0x1002, 0x1002, 0x1003, 0x1001, 0x1004, 0x2004, 0x2000, 0x3002, 0x4000, 0x1800];

    private static readonly Memslot[] s_slots =
    [
        new(0, 1, 0x1000, 16, Hva, MemslotFlags.None),
        new(0, 2, 0x2000, 16, Hva + (16 * OneMore), MemslotFlags.None),
        new(0, 3, 0x3000, 4, Hva, MemslotFlags.None),
        new(0, 4, 0x4000, 4, Hva + (32 * OneMore), MemslotFlags.ReadOnly),
    ];

    private readonly List<Record> _records = [];
    private readonly List<FaultTask> _faults = [];
    private readonly List<(int Vm, Record First, Record? Last)> _windows = [];
    private readonly List<Memslot>[] _slots = [[], []];
    private readonly List<long>[] _ends = [[], []];
    private readonly bool[] _endsRecorded = new bool[2];
    private readonly bool[] _open = new bool[16];
    private long _windowIds;
    private int _task;

    private RaceSequence()
    {
    }

    public List<Operation> Operations { get; } = [];

    public static RaceSequence Of(IReadOnlyList<ulong> moves)
    {
        RaceSequence sequence = new();
        Dice first = new(moves.Count == 0 ? 0 : moves[0]);
        sequence.Start(ref first);
        foreach (ulong move in moves)
        {
            Dice dice = new(move);
            sequence._task++;
            sequence.Task(ref dice);
        }

        sequence.Play();
        if (first.Chance(70))
        {
            sequence.Settle(ref first);
        }

        return sequence;
    }

    /// <summary>One order was the real one, in one kernel: what each fault did itself is recorded as it was then.</summary>
    private void Settle(ref Dice dice)
    {
        Kernel kernel = dice.Of(Kernel.All);
        for (int i = 0; i < Operations.Count; i++)
        {
            Operation op = Operations[i];
            Operations[i] = op.Kind switch
            {
                OperationKind.FaultBegin => op with { C = op.C & ~BeginFacts.Make(SlotFact.Recorded, lookup: (OwnStep)3) },
                OperationKind.FaultLookup => op with { D = 0 },
                OperationKind.FaultMap => op with { B = op.B & (ulong)MapFacts.Raced, D = 0 },
                _ => op,
            };
        }

        Possibilities all = new(Operations);
        if (!all.Enumerate(RaceTests.MostOrders))
        {
            return;
        }

        foreach (Possible fault in all.Of(kernel))
        {
            (FaultOutcome outcome, bool madeLookup, bool reachedLock) = dice.Of(fault.Ends);
            OwnStep lookup = dice.Chance(50) ? OwnStep.NotRecorded : madeLookup ? OwnStep.Seen : OwnStep.Missing;
            OwnStep locked = dice.Chance(50) ? OwnStep.NotRecorded : reachedLock ? OwnStep.Seen : OwnStep.Missing;
            ulong observed = dice.Chance(30) ? 0 : (ulong)outcome + 1;
            for (int i = 0; i < Operations.Count; i++)
            {
                Operation op = Operations[i];
                if (op.FaultId != fault.Fault)
                {
                    continue;
                }

                Operations[i] = op.Kind switch
                {
                    OperationKind.FaultBegin => op with { C = op.C | BeginFacts.Make(SlotFact.Recorded, lookup: lookup) },
                    OperationKind.FaultLookup => op with { D = (ulong)locked },
                    OperationKind.FaultMap => op with { B = op.B | (ulong)(locked == OwnStep.Seen ? MapFacts.Passed : locked == OwnStep.Missing ? MapFacts.NotPassed : MapFacts.None), D = observed },
                    _ => op,
                };
            }
        }
    }

    private void Start(ref Dice dice)
    {
        _endsRecorded[0] = dice.Chance(35);
        _endsRecorded[1] = dice.Chance(35);
        for (short vm = 0; vm < 2; vm++)
        {
            foreach (Memslot slot in s_slots)
            {
                if (slot.Id == 1 || dice.Chance(slot.Id == 2 ? 70 : 30))
                {
                    short owner = vm;
                    At(new Record(-1, 0, 0), () => Put(owner, slot));
                }
            }
        }
    }

    private void Task(ref Dice dice)
    {
        short vm = (short)(dice.Chance(85) ? 0 : 1);
        switch (dice.Roll(20))
        {
            case < 9:
                Clock clock = new(_task, ref dice);
                Window(vm, ref clock, ref dice, null, nested: dice.Chance(20));
                break;
            case < 18: Fault(vm, ref dice); break;
            default: MemslotCall(vm, ref dice); break;
        }
    }

    private void At(Record record, Func<Operation?> operation)
    {
        if (!_records.Contains(record))
        {
            _records.Add(record);
        }

        record.Operations.Add(operation);
    }

    private Record Take(ref Clock clock, ref Dice dice)
    {
        Record record = clock.Next(ref dice);
        _records.Add(record);
        return record;
    }

    /// <returns>The last record of the window's own task by which it is known to have ended; null if it does not end.</returns>
    private Record? Window(short vm, ref Clock clock, ref Dice dice, FaultTask? fault, bool nested)
    {
        long id = _windowIds++;
        (ulong first, ulong pages) = dice.Of(s_ranges);
        (ulong start, ulong end) = (Hva + (first * OneMore), Hva + ((first + pages) * OneMore));
        bool probedBegin = dice.Chance(25);
        bool ends = fault is not null || nested || dice.Chance(85);
        bool zapSeen = !ends || dice.Chance(85);

        Record unmap = Take(ref clock, ref dice);
        fault?.Window ??= unmap;
        Record? begin = probedBegin ? Take(ref clock, ref dice) : null;
        Record? zap = zapSeen && !(probedBegin && dice.Chance(50)) ? Take(ref clock, ref dice) : begin;
        if (nested)
        {
            Window(vm, ref clock, ref dice, fault, nested: false);
        }

        Record? inside = !ends ? null : zap is null || dice.Chance(60) ? Take(ref clock, ref dice) : zap;
        bool matched = false;

        // Without a zap nothing shows that it has begun before something shows that it has ended.
        Record? over = ends ? Take(ref clock, ref dice) : null;
        if (zap is null)
        {
            inside = dice.Chance(50) ? unmap : inside;
        }

        Record begun = zap ?? over!;
        At(unmap, () =>
        {
            matched = _slots[vm].Exists(slot => slot.Hva(slot.BaseGfn) < end && start < slot.EndHva);
            Operation opening = Make(OperationKind.WindowOpening, vm, begin ?? unmap, begin ?? begun, start, end);
            opening.FaultId = id;
            opening.Open = fault?.Open ?? -1;
            opening.D = (ulong)_faults.Where(f => f.Entry.Place <= unmap.Place && unmap.Place < f.Over.Place).Select(f => f.Entry.Place).DefaultIfEmpty(long.MaxValue).Min();
            return opening;
        });
        bool countSeen = _endsRecorded[vm];
        if (ends && !countSeen && inside == unmap)
        {
            At(unmap, () => Numbered(Make(OperationKind.WindowEnding, vm, unmap, unmap, start, end), id));
        }

        At(begun, () => Numbered(Make(OperationKind.WindowBegin, vm, begun, begun, start, end), id));
        if (over is not null)
        {
            if (!countSeen && inside != unmap)
            {
                At(inside!, () => Numbered(Make(OperationKind.WindowEnding, vm, inside!, inside!, start, end), id));
            }

            At(over, () =>
            {
                Operation ended = Numbered(Make(OperationKind.WindowEnd, vm, countSeen ? over : inside!, over, start, end), id);
                if (matched)
                {
                    _ends[vm].Add(over.Place);
                    ended.C = countSeen ? (ulong)_ends[vm].Count : 0;
                    ended.D = countSeen ? 1UL : 0;
                }

                return ended;
            });
        }

        if (fault is null)
        {
            _windows.Add((vm, unmap, over));
        }

        return over;
    }

    private void Fault(short vm, ref Dice dice)
    {
        Clock clock = new(_task, ref dice);
        FaultTask fault = new() { Id = _faults.Count, Entry = Take(ref clock, ref dice) };
        _faults.Add(fault);
        ulong gfn = dice.Of(s_gfns);
        FaultAccess access = (dice.Chance(60) ? FaultAccess.Write : FaultAccess.None) | (dice.Chance(15) ? FaultAccess.Present : FaultAccess.None);
        OwnStep lookup = dice.Roll(10) switch { < 4 => OwnStep.NotRecorded, < 9 => OwnStep.Seen, _ => OwnStep.Missing };
        OwnStep locked = lookup == OwnStep.Missing ? (OwnStep)(dice.Chance(50) ? OwnStep.Missing : OwnStep.NotRecorded)
            : dice.Roll(10) switch { < 5 => OwnStep.NotRecorded, < 8 => OwnStep.Seen, _ => OwnStep.Missing };
        LookupFact fact = dice.Roll(20) switch { 0 => LookupFact.Forbidden, 1 => LookupFact.Interrupted, 2 => LookupFact.AsyncQueued, < 10 => LookupFact.None, _ => LookupFact.Found };
        SlotFact slot = dice.Roll(20) switch { 0 => SlotFact.SeenInvalid, 1 => SlotFact.MayBeInvalid, _ => SlotFact.Recorded };
        int root = dice.Roll(20);
        bool raced = dice.Chance(10);
        FaultOutcome[] observations = [FaultOutcome.Unknown, FaultOutcome.Retry, FaultOutcome.Fixed];
        ulong observed = dice.Chance(40) ? 0 : (ulong)dice.Of(observations) + 1;
        bool known = dice.Chance(92);
        bool tellsCount = _endsRecorded[vm] && dice.Chance(60);
        bool countAtBegin = dice.Chance(30);
        int snapshotAt = dice.Roll(1000);

        Record? entered = lookup == OwnStep.Seen ? Take(ref clock, ref dice) : null;
        if (lookup != OwnStep.Missing && dice.Chance(15))
        {
            Window(vm, ref clock, ref dice, fault, nested: false);
        }

        Record? returned = lookup != OwnStep.Missing && (entered is not null || dice.Chance(50)) ? Take(ref clock, ref dice) : null;
        Record? faultinReturned = returned is not null && dice.Chance(50) ? Take(ref clock, ref dice) : null;
        Record? requested = locked == OwnStep.Seen ? Take(ref clock, ref dice) : null;
        Record over = fault.Over = Take(ref clock, ref dice);
        Record begun = entered ?? returned ?? requested ?? over;

        At(fault.Entry, () =>
        {
            fault.Open = Array.IndexOf(_open, false);
            _open[fault.Open] = true;
            return null;
        });
        ulong count = 0;
        At(begun, () =>
        {
            // It lies anywhere between the two records; all ends before it are told by now.
            long gap = fault.Entry.Place + (snapshotAt % ((fault.Window ?? begun).Place - fault.Entry.Place));
            count = tellsCount ? (ulong)_ends[vm].Count(end => end <= gap) + 1 : 0;
            Operation begin = Make(OperationKind.FaultBegin, vm, fault.Entry, begun, gfn << 12, (ulong)access);
            begin.C = BeginFacts.Make(slot, rootStale: root == 0, rootMayBeStale: root == 1, countAtBegin ? count : 0, lookup);
            return OfFault(begin, fault);
        });

        Record sent = requested ?? over;
        Operation? Pte()
        {
            Memslot? found = _slots[vm].Find(s => gfn >= s.BaseGfn && gfn < s.EndGfn);
            return found is null || !known ? null
                : Make(OperationKind.PteKnown, vm, sent, sent, found.Hva(gfn), HostPte.Make(0x100000 + ((found.Hva(gfn) - Hva) >> 12), writable: true, special: false).Raw);
        }

        At(sent, Pte);
        if (returned is not null)
        {
            At(sent, () =>
            {
                Operation step = Make(OperationKind.FaultLookup, vm, returned, faultinReturned ?? sent, (ulong)fact, countAtBegin ? 0 : count);
                step.D = (ulong)locked;
                return OfFault(step, fault);
            });
        }

        At(over, () =>
        {
            MapFacts facts = (raced ? MapFacts.Raced : MapFacts.None) | (locked == OwnStep.Seen ? MapFacts.Passed : locked == OwnStep.Missing ? MapFacts.NotPassed : MapFacts.None);
            Operation map = Make(OperationKind.FaultMap, vm, requested ?? faultinReturned ?? returned ?? entered ?? fault.Entry, requested ?? over, returned is null ? (ulong)fact : 0, (ulong)facts);
            map.D = observed;
            _open[fault.Open] = false;
            return OfFault(map, fault);
        });
    }

    /// <summary>Roots go, and perhaps a memslot: its changes wait until no window is open (INV-16).</summary>
    private void MemslotCall(short vm, ref Dice dice)
    {
        Clock clock = new(_task, ref dice);
        Record called = Take(ref clock, ref dice);
        Record gone = Take(ref clock, ref dice);
        Record done = Take(ref clock, ref dice);
        bool removes = dice.Chance(60);
        int which = dice.Roll(3);
        Memslot? slot = null;
        At(called, () =>
        {
            bool free = !_windows.Exists(w => w.Vm == vm && w.First.Place < done.Place && !(w.Last?.Place < called.Place))
                && !_faults.Exists(f => f.Entry.Place < done.Place && f.Over.Place > called.Place && f.Window is not null);
            slot = removes && free && _slots[vm].Count > 0 ? _slots[vm][which % _slots[vm].Count] : null;
            return slot is null ? null : Make(OperationKind.SlotInvalidate, vm, called, called, 0, 0, 1, (ulong)slot.Id << 32);
        });
        At(gone, () => Make(OperationKind.ZapAll, vm, gone, gone));
        At(done, () =>
        {
            if (slot is null)
            {
                return null;
            }

            _slots[vm].Remove(slot);
            return Make(OperationKind.SlotRemove, vm, done, done, 0, 0, 0, (ulong)slot.Id << 32);
        });
    }

    /// <summary>Places in the order of the records' times, then what each record tells.</summary>
    private void Play()
    {
        List<Record> ordered = [.. _records.Distinct().OrderBy(r => r.Key).ThenBy(r => r.Task).ThenBy(r => r.Step)];
        for (int i = 0; i < ordered.Count; i++)
        {
            ordered[i].Place = i + 1;
        }

        foreach (Func<Operation?> tell in ordered.SelectMany(record => record.Operations))
        {
            if (tell() is { } operation)
            {
                Operations.Add(operation);
            }
        }
    }

    private Operation Put(short vm, Memslot slot)
    {
        _slots[vm].Add(slot);
        return new Operation
        {
            Kind = OperationKind.SlotPut,
            Vm = vm,
            Open = -1,
            FaultId = -1,
            A = slot.BaseGfn,
            B = slot.Npages,
            C = slot.UserspaceAddr,
            D = (uint)slot.Flags | ((ulong)slot.Id << 32),
            After = 1,
            Before = 1,
        };
    }

    private static Operation Make(OperationKind kind, short vm, Record after, Record before, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0) =>
        new() { Kind = kind, Vm = vm, Open = -1, FaultId = -1, A = a, B = b, C = c, D = d, After = after.Place, Before = before.Place };

    private static Operation Numbered(Operation operation, long id) => operation with { FaultId = id };

    private static Operation OfFault(Operation operation, FaultTask fault) => operation with { Open = fault.Open, FaultId = fault.Id };

    private sealed class Record(int key, int task, int step)
    {
        public int Key { get; } = key;

        public int Task { get; } = task;

        public int Step { get; } = step;

        public long Place { get; set; }

        public List<Func<Operation?>> Operations { get; } = [];
    }

    /// <summary>When the records of one task come.</summary>
    private struct Clock
    {
        private readonly int _task;
        private int _now;
        private int _step;

        public Clock(int task, ref Dice dice)
        {
            _task = task;
            _now = dice.Roll(40);
        }

        public Record Next(ref Dice dice)
        {
            _now += 1 + dice.Roll(10);
            return new Record(_now, _task, _step++);
        }
    }

    private sealed class FaultTask
    {
        public required long Id { get; init; }

        public required Record Entry { get; init; }

        public Record Over { get; set; } = null!;

        public int Open { get; set; }

        /// <summary>The first record of the window in its lookup.</summary>
        public Record? Window { get; set; }
    }
}
