using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Tests.Oracle;

/// <content>Windows, mappings, memslots, blocks, and what is done to SPTEs outside of faults.</content>
internal sealed partial class Sequence
{
    private const ulong GfpComp = 1UL << 18;

    private void BeginWindow(ref Dice dice, bool remap)
    {
        if (Vm.Windows.Count == 3)
        {
            EndWindow(ref dice);
            return;
        }

        (ulong first, ulong pages) = dice.Chance(40) ? (dice.Of(Universe.Spots), 1) : dice.Of(Universe.Stretches);
        (ulong start, ulong end) = dice.Roll(20) switch
        {
            0 => (0x6000_0000_0000UL, 0x6000_0000_4000UL),
            1 => (0UL, ulong.MaxValue),
            2 => (HvaOf(first) + 0x800, HvaOf(first + pages) + 0x10),
            _ => Vm.Whole(HvaOf(first), HvaOf(first + pages)),
        };
        (start, end) = Vm.Whole(start, end);
        Do(OperationKind.WindowBegin, start, end);
        Vm.Forget(start, end);
        Vm.Windows.Add((start, end));
        if (remap && start >= HvaOf(first) && end <= HvaOf(first + pages))
        {
            ChangeMapping(first, pages, ref dice);
        }
    }

    private void EndWindow(ref Dice dice)
    {
        if (Vm.Windows.Count > 0)
        {
            int index = dice.Roll(Vm.Windows.Count);
            (ulong start, ulong end) = Vm.Windows[index];
            Vm.Windows.RemoveAt(index);
            Do(OperationKind.WindowEnd, start, end);
        }
    }

    /// <summary>mmap over what was there: a window over all of it, and another backing inside.</summary>
    private void Remap(ref Dice dice)
    {
        (ulong first, ulong pages) = dice.Of(Universe.Stretches);
        (ulong start, ulong end) = Vm.Whole(HvaOf(first), HvaOf(first + pages));
        Do(OperationKind.WindowBegin, start, end);
        Vm.Forget(start, end);
        ChangeMapping(first, pages, ref dice);
        Do(OperationKind.WindowEnd, start, end);
    }

    private void ChangeMapping(ulong first, ulong pages, ref Dice dice)
    {
        Backing backing = dice.Of(Backing.All);
        (ulong start, ulong end) = (HvaOf(first), HvaOf(first + pages));
        Backing before = Vm.BackingOf(first);
        if (before.Kind == PageKind.A1 && dice.Chance(30) && before == Vm.BackingOf(first + pages - 1))
        {
            backing = dice.Of(Backing.All.Where(b => b.Kind == PageKind.A1).ToList());
            Do(OperationKind.VmaProtect, start, end, (ulong)backing.Flags!);
        }
        else if (backing == Backing.Untold)
        {
            Do(OperationKind.VmaUnmap, start, end);
        }
        else if (backing.Kind == PageKind.Unknown)
        {
            if (backing.Bo != 0 && dice.Chance(50))
            {
                // A move of the buffer: all of its leaves went with windows before.
                bool unmapped = !_vms.Any(vm => vm.Leaves.Keys.Any(page => vm.BackingOf(page).Bo == backing.Bo));
                if (unmapped)
                {
                    _inVram[backing.Bo] = dice.Chance(40);
                    Do(OperationKind.BoPlace, backing.Bo, _inVram[backing.Bo] ? 2UL : 0);
                }
            }

            Do(OperationKind.VmaMap, start, end, (ulong)backing.Flags!, backing.Bo);
        }
        else
        {
            Do(OperationKind.VmaMapKind, start, end, (ulong)backing.Flags!, (ulong)backing.Kind);
        }

        Vm.Back(first, pages, backing);
    }

    private void CreateSlot(ref Dice dice)
    {
        Memslot slot = dice.Of(Universe.Slots);
        slot = _arm64 ? slot with { AsId = 0, Id = slot.Id + (10 * slot.AsId), BaseGfn = slot.BaseGfn + (ulong)(0x100000 * slot.AsId) } : slot;
        int old = Vm.Slots.FindIndex(s => s.AsId == slot.AsId && s.Id == slot.Id);

        // INV-16: no memslot becomes active while a window is open. A slot that is there has to be INVALID before it moves.
        if (Vm.Windows.Count > 0 || (old >= 0 && !Vm.Slots[old].Is(MemslotFlags.Invalid)))
        {
            return;
        }

        if (old >= 0)
        {
            Vm.Slots.RemoveAt(old);
        }

        Put(slot with { Flags = slot.Flags | (dice.Chance(15) && !slot.Is(MemslotFlags.ReadOnly) ? MemslotFlags.LogDirty : 0) });
    }

    private void Put(Memslot slot)
    {
        Vm.Slots.RemoveAll(s => s.AsId == slot.AsId && s.Id == slot.Id);
        Vm.Slots.Add(slot);
        _as = (byte)slot.AsId;
        Do(OperationKind.SlotPut, slot.BaseGfn, slot.Npages, slot.UserspaceAddr, (uint)slot.Flags | ((ulong)slot.Id << 32));
    }

    private void DeleteSlot(ref Dice dice)
    {
        if (Vm.Slots.Count == 0 || Vm.Windows.Count > 0)
        {
            return;
        }

        Memslot slot = dice.Of(Vm.Slots);
        _as = (byte)slot.AsId;
        Vm.Slots.Remove(slot);
        if (slot.Is(MemslotFlags.Invalid))
        {
            Do(OperationKind.SlotRemove, d: (ulong)slot.Id << 32);
            return;
        }

        Vm.Slots.Add(slot with { Flags = slot.Flags | MemslotFlags.Invalid });
        Do(OperationKind.SlotInvalidate, d: (ulong)slot.Id << 32);
    }

    /// <summary>Dirty logging goes on (leaves lose W or D, huge ones may be split) or off (they become huge again).</summary>
    private void LogDirty(ref Dice dice)
    {
        if (Vm.Slots.Count == 0 || Vm.Windows.Count > 0)
        {
            return;
        }

        Memslot slot = dice.Of(Vm.Slots);
        if (slot.Is(MemslotFlags.Invalid) || slot.Is(MemslotFlags.ReadOnly))
        {
            return;
        }

        Put(slot with { Flags = slot.Flags ^ MemslotFlags.LogDirty });
        bool on = !slot.Is(MemslotFlags.LogDirty);
        if (_arm64)
        {
            if (on)
            {
                Do(OperationKind.WriteProtectRange, slot.BaseGfn, slot.EndGfn);
            }

            return;
        }

        bool split = dice.Chance(30);
        foreach (ulong gfn in Gfns(slot))
        {
            if (!on)
            {
                Unlog(slot, gfn, ref dice);
                continue;
            }

            if (split)
            {
                Do(OperationKind.SplitHuge, gfn, 2);
            }

            Do(OperationKind.WriteProtect, gfn, split ? 1UL : 2);
        }
    }

    private void Unlog(Memslot slot, ulong gfn, ref Dice dice)
    {
        ulong page = (slot.Hva(gfn) - Universe.Hva) >> 12;
        ulong block = gfn & ~511UL;
        if (slot.MaxLevel(gfn) > 1 && Vm.Leaves.TryGetValue(page, out KnownLeaf? leaf) && leaf.Level > 1 && dice.Chance(70))
        {
            Do(OperationKind.CollapseHuge, block, 2, leaf.Pfn & ~511UL);
        }
        else if (dice.Chance(50))
        {
            Do(OperationKind.ZapLeaf, gfn, (ulong)(1 + dice.Roll(2)));
        }
    }

    private static IEnumerable<ulong> Gfns(Memslot slot) =>
        Universe.Spots.Distinct().Select(page => slot.Gfn(HvaOf(page))).Where(gfn => gfn >= slot.BaseGfn && gfn < slot.EndGfn);

    private void Maintain(ref Dice dice)
    {
        if (Vm.Slots.Count == 0)
        {
            return;
        }

        Memslot slot = dice.Of(Vm.Slots);
        List<ulong> gfns = [.. Gfns(slot)];
        if (gfns.Count == 0)
        {
            return;
        }

        ulong gfn = dice.Of(gfns);
        (ulong first, ulong pages) = dice.Of(Universe.Stretches);
        ulong level = (ulong)(1 + dice.Roll(2));
        _as = (byte)slot.AsId;
        if (_arm64)
        {
            switch (dice.Roll(3))
            {
                case 0: Do(OperationKind.Age, HvaOf(first), HvaOf(first + pages)); break;
                case 1: Do(OperationKind.ZapRange, gfn, gfn + (ulong)(1 + dice.Roll(4))); break;
                default: Do(OperationKind.WriteProtectRange, gfn, gfn + (ulong)(1 + dice.Roll(4))); break;
            }

            return;
        }

        switch (dice.Roll(11))
        {
            case 0 or 1: Do(OperationKind.Age, HvaOf(first), HvaOf(first + pages)); break;
            case 2 or 3: Do(OperationKind.ZapLeaf, gfn, level); break;
            case 4 or 5: Do(OperationKind.SplitHuge, gfn, level + 1); break;
            case 6 or 7: Do(OperationKind.WriteProtect, gfn, level); break;
            case 8 or 9: Do(OperationKind.ClearDirty, gfn, level); break;
            default: Do(OperationKind.ZapAll); break;
        }
    }

    private void Allocate(ref Dice dice)
    {
        int order = 1 + dice.Roll(3);
        ulong pfn = _nextBlock;
        if (_freed.Count > 0 && dice.Chance(60))
        {
            pfn = dice.Of(_freed);
            _freed.Remove(pfn);
        }
        else
        {
            _nextBlock += 16;
        }

        _blocks.Add((pfn, order));
        Do(OperationKind.PageAlloc, pfn, (ulong)order, dice.Chance(25) ? GfpComp : 0);
    }

    /// <summary>Only what nobody maps any more is freed; a fault that looked it up may still be under way.</summary>
    private void Free(ref Dice dice)
    {
        if (_blocks.Count == 0)
        {
            return;
        }

        (ulong pfn, int order) = dice.Of(_blocks);
        if (!_vms.Any(vm => vm.Leaves.Values.Any(leaf => leaf.Pfn - pfn < 1UL << order)))
        {
            _blocks.Remove((pfn, order));
            _freed.Add(pfn);
            Do(OperationKind.PageFree, pfn, (ulong)order);
        }
    }
}
