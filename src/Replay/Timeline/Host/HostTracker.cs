using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;
using TraceReplay.Replay.Timeline.Windows;

namespace TraceReplay.Replay.Timeline.Host;

/// <summary>
/// The VMM's mappings and the leaves that drivers put into its page table: what system calls and probes tell of the host
/// (spec 8.3, 9.6).
/// </summary>
internal sealed class HostTracker(TimelineContext context, VmTracker vms, bool infers)
{
    private const ulong MapAnonymous = 0x20;
    private const ulong MapShared = 0x1;
    private const ulong MapFixed = 0x10;

    // DRM_FILE_PAGE_OFFSET_START in bytes: where a DRM file has its buffers; the offset names the buffer.
    private const ulong DrmOffsets = 0x1_0000_0000;
    private const int MaxEarlyMappings = 4096;
    private const ulong MremapFixed = 2;
    private const ulong MremapDontUnmap = 4;

    // VM_FAULT_NOPAGE: the driver has put the page there itself.
    private const ulong VmFaultNoPage = 0x100;

    // Changes of mappings that a lookup under way may have met; more at once no VMM makes.
    private const int MaxChanges = 64;
    private readonly List<Change> _changes = [];
    private readonly FileMappings _files = new();

    public void OnMmap(EventCursor e, TaskState task)
    {
        task.Mmap = (e[0], e[1], e[2], e[3], e.Knows(5) ? (int)e[5] : -1);
        task.RemappedInMmap = null;
        if ((e[2] & MapFixed) != 0 && e.Knows(4))
        {
            Changes(task, e[4], e[4] + ((e[0] + 4095) & ~4095UL));
        }
    }

    public void OnMmapReturn(EventCursor e, TaskState task)
    {
        if (task.Mmap is not { } call)
        {
            return;
        }

        task.Mmap = null;
        OnSyscallEdge(task);
        long address = (long)e[0];
        if (address is < 0 and > -4096)
        {
            return;
        }

        if (task.RemappedInMmap == e[0])
        {
            // What the driver made of it is known already.
            return;
        }

        PageKind kind = (call.Flags & MapAnonymous) != 0 ? PageKind.A1 : PageKind.F1;
        VmaFlags flags = FromProt(call.Prot) | ((call.Flags & MapShared) != 0 ? VmaFlags.Shared : 0);
        if (infers && (call.Flags & (MapShared | MapAnonymous)) == MapShared && call.Offset >= DrmOffsets)
        {
            EmitMapping(task, OperationKind.VmaMap, e[0], e[0] + ((call.Length + 4095) & ~4095UL), (ulong)(flags | VmaFlags.Io | VmaFlags.PfnMap), call.Offset);
            return;
        }

        ulong end = e[0] + ((call.Length + 4095) & ~4095UL);
        EmitMapping(task, OperationKind.VmaMapKind, e[0], end, (ulong)flags, (ulong)kind);
        if (kind == PageKind.F1)
        {
            _files.Mapped(task, call.Fd, e[0], end, call.Offset, flags);
        }
    }

    /// <summary>The file's new end: what is mapped beyond it cannot be had any more, and what it takes in can.</summary>
    public void OnFtruncate(EventCursor e, TaskState task)
    {
        if (!e.Knows(0) || !e.Knows(1))
        {
            return;
        }

        task.Truncation = ((int)e[0], e[1]);
        foreach (FileMappings.Mapping mapping in _files.Of(task, (int)e[0]))
        {
            Changes(task, mapping.Start, mapping.End);
        }
    }

    private void Truncate(TaskState task)
    {
        if (task.Truncation is not { } call)
        {
            return;
        }

        task.Truncation = null;
        foreach (FileMappings.Mapping mapping in _files.Of(task, call.Fd))
        {
            ulong end = mapping.EndOfFile(call.Length);
            EmitMapping(task, OperationKind.VmaMapKind, mapping.Start, end, (ulong)mapping.Flags, (ulong)PageKind.F1);
            EmitMapping(task, OperationKind.VmaMapKind, end, mapping.End, 0, (ulong)PageKind.N);
        }
    }

    /// <summary>
    /// munmap and mprotect act with mmap_lock held for writing: a lookup that holds it for reading still sees what was there. So the
    /// change comes with the call's first window, at the latest when the call is over.
    /// </summary>
    public void OnMunmap(EventCursor e, TaskState task)
    {
        task.MappingChange = (OperationKind.VmaUnmap, e[0], e[0] + e[1], 0);
        Changes(task, e[0], e[0] + e[1]);
    }

    public void OnMprotect(EventCursor e, TaskState task)
    {
        ulong end = e[0] + ((e[1] + 4095) & ~4095UL);
        task.MappingChange = (OperationKind.VmaProtect, e[0], end, (ulong)FromProt(e[2]));
        Changes(task, e[0], end);
    }

    public void OnMremap(EventCursor e, TaskState task)
    {
        bool places = (e[3] & MremapFixed) != 0 && e.Knows(4);
        task.Mremap = (e[0], e[1], e[2], e[3], places ? e[4] : null);
        Changes(task, e[0], e[0] + e[1]);
        if (places)
        {
            Changes(task, e[4], e[4] + e[2]);
        }
    }

    /// <summary>What was mapped has moved; what lies at its new place is not known of old.</summary>
    public void OnMremapReturn(EventCursor e, TaskState task)
    {
        if (task.Mremap is not { } call)
        {
            return;
        }

        task.Mremap = null;
        if (!e.Knows(0) || (long)e[0] is < 0 and > -4096)
        {
            return;
        }

        VmTrack vm = vms.Of(task);
        if (e[0] != call.Start && (call.Flags & MremapDontUnmap) == 0)
        {
            Unmap(vm, call.Start, call.Start + call.OldLength);
        }

        Forgotten(vm, e[0], e[0] + call.NewLength);
    }

    /// <summary>What is mapped here from now on is not known.</summary>
    private void Forgotten(VmTrack vm, ulong start, ulong end)
    {
        context.Emit(OperationKind.VmaUnmap, vm, start, end);
        vm.Memory.Unmap(start, end);
    }

    /// <summary>The task's system call is over, or another begins.</summary>
    public void OnSyscallEdge(TaskState task)
    {
        Apply(task);
        Settle(task);
    }

    /// <summary>A lookup that begins after this place meets the task's change as it is.</summary>
    private void Settle(TaskState task)
    {
        if (!task.ChangesMappings)
        {
            return;
        }

        task.ChangesMappings = false;
        for (int i = 0; i < _changes.Count; i++)
        {
            if (_changes[i].Pid == task.Pid && _changes[i].Until == long.MaxValue)
            {
                _changes[i] = _changes[i] with { Until = context.Place };
            }
        }
    }

    /// <summary>Whether the mapping at <paramref name="hva"/> was, or may have been, changing since a place of the trace.</summary>
    public bool ChangedSince(VmTrack vm, ulong hva, long place)
    {
        foreach (Change change in _changes)
        {
            if (change.Until >= place && hva >= change.Start && hva < change.End && (change.Vm is null || change.Vm == vm))
            {
                return true;
            }
        }

        return false;
    }

    private void Changes(TaskState task, ulong start, ulong end)
    {
        if (_changes.Count == MaxChanges)
        {
            _changes.RemoveAt(0);
        }

        task.ChangesMappings = true;
        _changes.Add(new Change(task.Pid, task.Vm, start, end, long.MaxValue));
    }

    /// <summary>A system call that changes the VMM's mappings in [Start, End) until a place of the trace.</summary>
    private readonly record struct Change(int Pid, VmTrack? Vm, ulong Start, ulong End, long Until);

    /// <summary>The task's munmap or mprotect has taken effect by now.</summary>
    public void Apply(TaskState task)
    {
        Truncate(task);
        if (task.MappingChange is not { } change)
        {
            return;
        }

        task.MappingChange = null;
        if (change.Kind == OperationKind.VmaProtect)
        {
            task.Vm?.Memory.Protect(change.Start, change.End, (VmaFlags)change.Access);
        }

        if (change.Kind == OperationKind.VmaUnmap)
        {
            EmitMapping(task, OperationKind.VmaMapKind, change.Start, change.End, 0, (ulong)PageKind.N);
            return;
        }

        EmitMapping(task, change.Kind, change.Start, change.End, change.Access);
    }

    /// <summary>Nothing is mapped here until a call maps it anew: a lookup finds no VMA.</summary>
    private void Unmap(VmTrack vm, ulong start, ulong end)
    {
        context.Emit(OperationKind.VmaMapKind, vm, start, end, 0, (ulong)PageKind.N);
        Learn(vm, new Operation { Kind = OperationKind.VmaMapKind, A = start, B = end, D = (ulong)PageKind.N });
    }

    /// <summary>A window opens in the task's system call: what the call does to the mappings it has done, or is about to do.</summary>
    public void OnWindow(TaskState task, Window window)
    {
        // The call holds mmap_lock for writing by now: a lookup that begins from here on waits for it, and finds what the call leaves.
        bool own = task.MappingChange is not null || task.Truncation is not null;
        Apply(task);
        if (own)
        {
            Settle(task);
        }
        else if (task.Mremap is { } move && window.Start < move.Start + move.OldLength && move.Start < window.End)
        {
            Unmap(window.Vm, Math.Max(window.Start, move.Start), Math.Min(window.End, move.Start + move.OldLength));
            if (move.Target is { } target)
            {
                Forgotten(window.Vm, target, target + move.NewLength);
            }

            Settle(task);
        }
        else if (!own && (WindowTracker.EndsMapping(window) || task.Mremap is not null))
        {
            Changes(task, window.Start, window.End);
            if (task.Syscall is not null && task.Mremap is null)
            {
                Unmap(window.Vm, window.Start, window.End);
            }
        }
    }

    /// <summary>What the task mapped before it was known which VM it works for.</summary>
    public void Attach(TaskState task, VmTrack vm)
    {
        foreach (Operation operation in task.EarlyMappings)
        {
            Operation own = operation;
            own.Vm = vm.Index;
            context.Queue.Add(in own);
            Learn(vm, in own);
        }

        task.EarlyMappings.Clear();
    }

    public void OnTtmFault(EventCursor e, TaskState task)
    {
        task.TtmBo = e[0];
        KnowVma(vms.Of(task), e[2], e[3], (VmaFlags)e[1], e[0]);
    }

    public void OnInsertPfn(EventCursor e, TaskState task)
    {
        // Only a mapping that is VM_PFNMAP or VM_MIXEDMAP takes one; more is known of it where the probe reads its flags.
        VmaFlags known = e.Knows(2) ? (VmaFlags)e[2] : vms.Of(task).Memory.FindVma(e[0])?.Flags ?? VmaFlags.None;
        task.Insert = (e[0], e[1], (ulong)known);
        if (task.TtmBo == 0 && e.Knows(2))
        {
            KnowVma(vms.Of(task), e[3], e[4], (VmaFlags)e[2], 0);
        }
    }

    public void OnInsertPfnReturn(EventCursor e, TaskState task)
    {
        if (task.Insert is not { } insert)
        {
            return;
        }

        task.Insert = null;
        if (e[0] != VmFaultNoPage)
        {
            return;
        }

        VmTrack vm = vms.Of(task);
        vm.InsertedPfns[insert.Hva >> 12] = insert.Pfn + 1;
        context.Emit(OperationKind.PteKnown, vm, insert.Hva, HostPte.Make(insert.Pfn, IsSharedWritable((VmaFlags)insert.VmaFlags), special: true).Raw);
    }

    public void OnRemapPfn(EventCursor e, TaskState task)
    {
        // The leaves themselves are learned when a lookup follows them: the range may be gigabytes.
        const VmaFlags remapped = VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.Read | VmaFlags.Write | VmaFlags.Shared | VmaFlags.Contiguous;
        task.RemappedInMmap = task.Mmap is null ? null : e[0];
        KnowVma(vms.Of(task), e[0], e[0] + e[2], remapped, 0);
    }

    /// <summary>A window has begun over [start, end).</summary>
    public void Forget(VmTrack vm, ulong start, ulong end, bool pagesMove)
    {
        if (pagesMove)
        {
            Eraser eraser = default;
            vm.InsertedPfns.ForEach(start >> 12, (end + 4095) >> 12, ref eraser);
        }

        if (infers)
        {
            vm.Memory.Forget(start, end);
        }
    }

    /// <summary>A mapping of device memory, or of a driver's blocks, is VM_IO or VM_PFNMAP, whatever the mmap call looked like.</summary>
    public void KnowRemapped(VmTrack vm, Vma? vma)
    {
        if (vma is { IsRemapped: false } and not { Kind: PageKind.N })
        {
            KnowVma(vm, vma.Start, vma.End, vma.Flags | VmaFlags.Io | VmaFlags.PfnMap, vma.Bo);
        }
    }

    public static bool IsSharedWritable(VmaFlags flags) => (flags & (VmaFlags.Shared | VmaFlags.Write)) == (VmaFlags.Shared | VmaFlags.Write);

    private void KnowVma(VmTrack vm, ulong start, ulong end, VmaFlags flags, ulong bo)
    {
        Vma vma = new(start, end, flags, PageKind.Unknown, bo);
        if (vm.Memory.FindVma(start) != vma)
        {
            vm.Memory.Map(vma);
            context.Emit(OperationKind.VmaMap, vm, start, end, (ulong)flags, bo);
        }
    }

    /// <summary>A mapping belongs to the VMM once the task has shown which VM it works for; until then it is kept.</summary>
    private void EmitMapping(TaskState task, OperationKind kind, ulong start, ulong end, ulong c = 0, ulong d = 0)
    {
        if (task.Vm is { } vm)
        {
            context.Emit(kind, vm, start, end, c, d);
            Learn(vm, new Operation { Kind = kind, A = start, B = end, C = c, D = d });
        }
        else if (task.EarlyMappings.Count < MaxEarlyMappings)
        {
            task.EarlyMappings.Add(new Operation { Kind = kind, Open = -1, FaultId = -1, A = start, B = end, C = c, D = d, After = context.Place, Before = context.Place });
        }
    }

    /// <summary>The timeline's own copy of what the VMM maps: only inference asks for it.</summary>
    private void Learn(VmTrack vm, in Operation mapping)
    {
        if (!infers)
        {
            return;
        }

        switch (mapping.Kind)
        {
            case OperationKind.VmaMapKind:
                vm.Memory.Map(new Vma(mapping.A, mapping.B, (VmaFlags)mapping.C, (PageKind)mapping.D));
                break;
            case OperationKind.VmaMap:
                vm.Memory.Map(new Vma(mapping.A, mapping.B, (VmaFlags)mapping.C, PageKind.Unknown, mapping.D));
                break;
        }
    }

    private static VmaFlags FromProt(ulong prot) => (VmaFlags)(prot & 7);

    private struct Eraser : IEntryVisitor
    {
        public readonly void Visit(ulong index, ref ulong entry) => entry = 0;
    }
}
