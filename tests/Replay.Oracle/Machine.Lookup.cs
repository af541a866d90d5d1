using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Oracle;

/// <content>From gfn to pfn: spec 3, steps A to F and R1 to R4.</content>
public sealed partial class Machine
{
    /// <summary>Stands for a frame that no record shows (spec 15.4): higher than any memory.</summary>
    private const ulong FrameNotShown = 1UL << 39;

    private void Resolve(Vm vm, Fault fault, LookupFact fact)
    {
        Slot slot = fault.Slot!;

        // A.
        if (slot.ReadOnly && fault.Write)
        {
            fault.End(FaultOutcome.Emulate);
            return;
        }

        fault.MadeLookup = true;
        bool upgrade = !slot.ReadOnly;
        ulong hva = slot.Hva(fault.Gfn);
        Mapping? vma = vm.Memory.MappingAt(hva);
        HostLeaf? known = vm.Memory.LeafAt(hva);
        if (fact == LookupFact.Forbidden && vma is { Kind: PageKind.A1 } && vma.Flags.HasFlag(fault.Write ? VmaFlags.Write : VmaFlags.Read))
        {
            // The rules find a page in anonymous memory that permits the access, whatever the kernel said. Which one, nothing shows.
            fact = LookupFact.Found;
            known = new HostLeaf(FrameNotShown | fault.Gfn, fault.Write, Special: false, Level: 1);
        }

        bool shown = fact is LookupFact.Found or LookupFact.FaultedIn;
        if (EndedByFact(fault, fact))
        {
            return;
        }

        if (known is not { } pte)
        {
            fault.End(FaultOutcome.Unknown);
            return;
        }

        fault.LookupPfn = pte.Pfn;
        fault.ReleasePfn = pte.Pfn;

        // B.
        if (fact == LookupFact.GuestMemfd)
        {
            TakeGupPage(fault, pte, vma, FaultPath.GuestMemfd, writable: true);
            return;
        }

        if ((fault.Write || upgrade) && fact != LookupFact.FaultedIn && FastGupSucceeds(pte, vma))
        {
            TakeGupPage(fault, pte, vma, FaultPath.GupFast, writable: true);
            return;
        }

        // D. The second fast GUP for an upgrade meets the leaf that the first one met, unless slow GUP has only brought it.
        if (SlowGupSucceeds(fault, pte, vma, shown))
        {
            bool upgraded = fact == LookupFact.FaultedIn && upgrade && pte.Writable;
            TakeGupPage(fault, pte, vma, FaultPath.GupSlow, writable: fault.Write || upgraded);
            return;
        }

        // F. A special leaf whose VMA no operation told must be a driver's.
        bool remapped = vma is null ? pte.Special : vma.IoOrPfnmap || (pte.Special && shown && !vma.Flags.HasFlag(VmaFlags.MixedMap));
        if (remapped)
        {
            Remapped(fault, pte, vma, hva, upgrade);
            return;
        }

        fault.Kind = GupKind(pte, vma);
        fault.Path = FaultPath.GupSlow;
        fault.End(FaultOutcome.Efault);
    }

    /// <summary>What the trace tells of a lookup besides the leaf (spec 1.3).</summary>
    private bool EndedByFact(Fault fault, LookupFact fact)
    {
        switch (fact)
        {
            case LookupFact.Forbidden:
                fault.Kind = PageKind.N;
                fault.Path = FaultPath.GupSlow;
                fault.End(FaultOutcome.Efault);
                return true;
            case LookupFact.DriverRefused:
                fault.Kind = PageKind.N;
                fault.Path = FaultPath.Remapped;
                fault.End(FaultOutcome.Efault);
                return true;
            case LookupFact.Interrupted when Kernel.SigPending:
                fault.Path = FaultPath.GupSlow;
                fault.End(FaultOutcome.Eintr);
                return true;
            case LookupFact.LockKilled:
                fault.Path = FaultPath.GupSlow;
                fault.End(Kernel.EagainIsSignal ? FaultOutcome.Eintr : FaultOutcome.Efault);
                return true;
            case LookupFact.Poisoned:
                fault.Path = FaultPath.GupSlow;
                fault.End(FaultOutcome.Sigbus);
                return true;
            case LookupFact.AsyncQueued:
                fault.Path = FaultPath.GupSlow;
                fault.QueueAsync();
                return true;
            default:
                return false;
        }
    }

    /// <summary>Fast GUP does not see the VMA; it always asks for a writable page.</summary>
    private static bool FastGupSucceeds(HostLeaf pte, Mapping? vma) =>
        pte.Writable && !pte.Special && vma?.Kind != PageKind.S;

    private static bool SlowGupSucceeds(Fault fault, HostLeaf pte, Mapping? vma, bool shown)
    {
        if (pte.Special || vma is { IoOrPfnmap: true } or { Kind: PageKind.S })
        {
            return false;
        }

        if (vma is null || shown)
        {
            return true;
        }

        VmaFlags needed = fault.Write ? VmaFlags.Write : VmaFlags.Read;
        return vma.Flags.HasFlag(needed);
    }

    private static PageKind GupKind(HostLeaf pte, Mapping? vma)
    {
        PageKind kind = vma is null or { Kind: PageKind.Unknown } ? PageKind.Gup : vma.Kind;
        bool anonymous = kind is PageKind.Gup or PageKind.A1;
        return pte.Level > 1 && anonymous ? PageKind.A2 : kind;
    }

    private void TakeGupPage(Fault fault, HostLeaf pte, Mapping? vma, FaultPath path, bool writable)
    {
        fault.Kind = path == FaultPath.GuestMemfd ? PageKind.G1 : GupKind(pte, vma);
        fault.Path = path;
        fault.MapWritable = writable;

        // A huge leaf of GUP memory is one folio, except for FSDAX, whose pages count each for itself (row D1).
        ulong pages = Level.Pages(pte.Level);
        Pages.Learn(pte.Pfn / pages * pages, pages, fault.Kind, fault.Kind == PageKind.D1 ? 1 : pages);
        ulong head = Pages.Head(pte.Pfn);
        Get(fault, head);
        if (Kernel.Series == Series.V11 && !Kernel.Arm64)
        {
            Put(fault, head);
        }
        else
        {
            fault.HeldHead = head;
        }

        fault.RefcountedHead = head;
    }

    private void Remapped(Fault fault, HostLeaf pte, Mapping? vma, ulong hva, bool upgrade)
    {
        fault.Path = FaultPath.Remapped;
        fault.Kind = RemappedKind(pte, vma);
        ulong pages = Level.Pages(pte.Level);
        ulong folio = fault.Kind == PageKind.P6 && Pages.BlockOf(pte.Pfn) is { Compound: true } block ? 1UL << block.Order : 1;
        Pages.Learn(pte.Pfn / pages * pages, pages, fault.Kind, folio);

        if (folio > 1)
        {
            // Who finds a tail has found the head, which counts for it.
            Pages.Learn(Pages.Head(pte.Pfn), 1, fault.Kind, folio);
        }

        // R1: a walk that knows PTEs only finds none.
        if (pte.Level > 1 && !Kernel.PfnmapHuge)
        {
            fault.End(FaultOutcome.Efault);
            return;
        }

        bool hasRefcountedPage = Pages.HasRefcountedPage(pte.Pfn);

        // R2; BUG-V11-4: v11's test for refcounted pages comes after it and wins, where such pages are not allowed.
        if (fault.Write && !pte.Writable)
        {
            bool overwritten = Kernel.Series == Series.V11 && fault.Shadow && hasRefcountedPage;
            fault.End(overwritten || Kernel.Arm64 ? FaultOutcome.Efault : FaultOutcome.Emulate);
            return;
        }

        // R3; BUG-V11-3.
        fault.MapWritable = pte.Writable && (upgrade || Kernel.Series == Series.V11);

        // R4.
        if (Kernel.Series == Series.V11 && Kernel.Arm64 && !hasRefcountedPage)
        {
            // BUG-V11-8: only x86's handler says that the notifier guards what has no count.
            fault.End(FaultOutcome.Efault);
            return;
        }

        if (Kernel.Series == Series.Merged || !hasRefcountedPage)
        {
            return;
        }

        ulong head = Pages.Head(pte.Pfn);
        if (Pages.CountIsNotZero(pte.Pfn))
        {
            Get(fault, head);
            fault.RefcountedHead = head;
            if (Kernel.Series == Series.V11 && !Kernel.Arm64)
            {
                Put(fault, head);
            }
            else
            {
                fault.HeldHead = head;
            }
        }
        else if (Kernel.Series == Series.Current || fault.Shadow || Kernel.Arm64)
        {
            fault.End(FaultOutcome.Efault);
        }
    }

    /// <summary>Spec 8.2 and 8.3, as far as the operations tell.</summary>
    private PageKind RemappedKind(HostLeaf pte, Mapping? vma)
    {
        if (vma is not null && vma.Kind is PageKind.P0 or PageKind.P1 or PageKind.P8 or PageKind.P9 or PageKind.P10 or PageKind.Pz)
        {
            return vma!.Kind;
        }

        if (pte.Level > 1)
        {
            return PageKind.H;
        }

        bool ttm = vma is not null && vma.Bo != 0;
        if (Pages.BlockOf(pte.Pfn) is { } block)
        {
            bool head = pte.Pfn == block.Base;
            return block.Compound ? PageKind.P6
                : ttm ? (head ? PageKind.P3 : PageKind.P4)
                : head ? PageKind.P7 : PageKind.P7Tail;
        }

        bool shmem = vma is not null && vma.Flags.HasFlag(VmaFlags.PfnMap) && !vma.Flags.HasFlag(VmaFlags.Io);
        return !ttm ? (shmem ? PageKind.P10 : PageKind.P0) : Pages.InVram(vma!.Bo) ? PageKind.P5 : PageKind.P2;
    }
}
