using System.Runtime.CompilerServices;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <content>From gfn to pfn: the resolution algorithm of spec 3.</content>
internal abstract partial class FaultModel<TRules, TCounting>
{
    private protected void Resolve(VmState vm, LookupFact fact, bool mappingsChange, ref FaultContext fault)
    {
        bool readOnlySlot = fault.Slot.Is(MemslotFlags.ReadOnly);

        // A. hva
        if (readOnlySlot && fault.Write)
        {
            fault.Pfn = SpecialPfn.ReadOnlyFault;
            fault.End(FaultOutcome.Emulate, FaultReason.ReadOnlySlot);
            return;
        }

        bool upgrade = !readOnlySlot;
        ulong hva = fault.Slot.Hva;
        HostPte pte = vm.Memory.Pte(hva);
        Vma? vma = vm.Memory.FindVma(hva);
        if (fact == LookupFact.Found && vma is { Kind: PageKind.N })
        {
            // Something was mapped here that the trace does not show.
            vma = null;
        }

        switch (fact)
        {
            case LookupFact.Forbidden when !mappingsChange && Permits(vma, fault.Write) && vma!.Kind == PageKind.A1:
                // What is anonymous and permits the access can be had: a refusal is not what this logic would say.
                pte = HostPte.Make(SpecialPfn.MadeUp(fault.Gfn), fault.Write, special: false, 0);
                fact = LookupFact.Found;
                break;
            case LookupFact.Forbidden:
                fault.Kind = PageKind.N;
                fault.Path = FaultPath.GupSlow;
                fault.ReadOff = mappingsChange || vma is null || Permits(vma, fault.Write);
                fault.End(FaultOutcome.Efault, FaultReason.Forbidden);
                return;
            case LookupFact.DriverRefused:
                fault.Kind = PageKind.N;
                fault.Path = FaultPath.Remapped;
                fault.ReadOff = true;
                fault.End(FaultOutcome.Efault, FaultReason.DriverRefused);
                return;
            case LookupFact.RefusedUntold:
                fault.ReadOff = true;
                VmaFlags flags = (vma?.Flags ?? VmaFlags.Read | VmaFlags.Write) | VmaFlags.Io | VmaFlags.PfnMap;
                TakeRemappedPage(vm, ref fault, HostPte.Make(SpecialPfn.MadeUp(fault.Gfn), fault.Write || (flags & VmaFlags.Write) != 0, special: true, 0), upgrade, new Vma(hva & ~0xfffUL, (hva & ~0xfffUL) + 4096, flags, PageKind.P4));
                return;
            case LookupFact.Interrupted when Settings.SignalPending:
                fault.Pfn = SpecialPfn.SignalPending;
                fault.ReadOff = true;
                fault.Path = FaultPath.GupSlow;
                fault.End(FaultOutcome.Eintr);
                return;
            case LookupFact.LockKilled:
                fault.ReadOff = true;
                fault.Path = FaultPath.GupSlow;
                fault.End(Settings.AgainIsSignal ? FaultOutcome.Eintr : FaultOutcome.Efault, FaultReason.LockKilled);
                return;
            case LookupFact.GuestMemfd when pte.Present:
                TakeGupPage(ref fault, pte, FaultPath.GuestMemfd, writable: true, vma);
                return;
            case LookupFact.Poisoned:
                fault.Pfn = SpecialPfn.HwPoison;
                fault.ReadOff = true;
                fault.Path = FaultPath.GupSlow;
                fault.End(FaultOutcome.Sigbus);
                return;
            case LookupFact.AsyncQueued:
                fault.ReadOff = true;
                fault.Path = FaultPath.GupSlow;
                fault.Retry(RetryCause.Async);
                return;
        }

        if (!pte.Present)
        {
            fault.RestsOn(Certainty.Assumed);
            fault.WentFurther = fact == LookupFact.NotMade;
            fault.End(FaultOutcome.Unknown, fault.WentFurther
                ? FaultReason.WentFurther
                : FaultReason.LookupNotShown);
            return;
        }

        if (fault.AmongRefused && SpecialPfn.IsMadeUp(pte.Pfn) && vma is not { Kind: PageKind.A1 })
        {
            // KVM refused others, and neither the allocator nor a leaf says which page this is.
            fault.RestsOn(Certainty.Assumed);
            fault.End(FaultOutcome.Unknown, FaultReason.LookupNotShown);
            return;
        }

        if (FollowsUntold && Checks is null && vma is not { Kind: PageKind.A1 })
        {
            fault.RestsOn(Certainty.Assumed);
        }

        // B. fast GUP asks for a writable page, for a read too if an upgrade is wanted.
        bool shown = fact is LookupFact.Found or LookupFact.FaultedIn;
        bool refuses = vma is { Kind: PageKind.S } || (pte.Special && vma is { IsRemapped: false, IsMixedMap: true });
        if ((fault.Write || upgrade) && pte.Writable && !pte.Special && !refuses && fact != LookupFact.FaultedIn)
        {
            TakeGupPage(ref fault, pte, FaultPath.GupFast, writable: true, vma);
        }
        else if (!refuses && (vma is null || shown) ? pte.Special || vma is { IsRemapped: true } : vma!.IsRemapped)
        {
            TakeRemappedPage(vm, ref fault, pte, upgrade, vma);
        }
        else if (pte.Special || refuses || (!shown && vma is not null && (vma.Flags & (fault.Write ? VmaFlags.Write : VmaFlags.Read)) == 0))
        {
            // D, F. slow GUP refuses, and the VMA is none whose leaves KVM follows.
            fault.Kind = GupKind(pte, vma);
            fault.Path = FaultPath.GupSlow;
            fault.End(FaultOutcome.Efault, pte.Special || refuses
                ? FaultReason.GupRefuses
                : FaultReason.VmaForbids);
        }
        else
        {
            TakeGupPage(ref fault, pte, FaultPath.GupSlow, writable: fault.Write || (fact == LookupFact.FaultedIn && upgrade && pte.Writable), vma);
        }
    }

    private static bool Permits(Vma? vma, bool write) => vma is { Kind: not PageKind.N } && (vma.Flags & (write ? VmaFlags.Write : VmaFlags.Read)) != 0;

    private void TakeGupPage(ref FaultContext fault, HostPte pte, FaultPath path, bool writable, Vma? vma)
    {
        fault.Pfn = pte.Pfn;
        fault.Path = path;
        fault.MapWritable = writable;
        fault.Kind = path == FaultPath.GuestMemfd ? PageKind.G1 : GupKind(pte, vma);

        // A huge leaf is one folio, except for FSDAX, whose pages count each for itself.
        Pages.SetKind(fault.Pfn, fault.Kind, fault.Kind == PageKind.D1 ? 0 : Levels.Order(Math.Max(1, pte.Level)), pte.Level);
        fault.ReleasePfn = fault.Pfn;
        fault.LookupPfn = fault.Pfn;
        fault.Get(Pages);
        TRules.GupTaken(ref fault, Pages);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static PageKind GupKind(HostPte pte, Vma? vma)
    {
        PageKind kind = vma is null || vma.Kind == PageKind.Unknown ? PageKind.Gup : vma.Kind;
        return pte.Level > 1 && kind is PageKind.Gup or PageKind.A1 ? PageKind.A2 : kind;
    }

    // F, R1 to R4: VM_IO or VM_PFNMAP.
    private void TakeRemappedPage(VmState vm, ref FaultContext fault, HostPte pte, bool upgrade, Vma? vma)
    {
        fault.Path = FaultPath.Remapped;
        fault.Pfn = pte.Pfn;
        fault.Kind = _hostPages.KindOfRemapped(pte.Pfn, pte.IsRam, vma, fault.Slot.Hva, out int order, out Certainty certainty);
        if (pte.Level > 1 && vma?.Kind.IsRemapped() != true)
        {
            fault.Kind = PageKind.H;
        }

        fault.RestsOn(certainty);
        fault.ReleasePfn = fault.Pfn;
        fault.LookupPfn = fault.Pfn;
        int folioOrder = fault.Kind == PageKind.P6 ? order : 0;
        Pages.SetKind(fault.Pfn, fault.Kind, folioOrder, pte.Level);
        if (folioOrder > 0)
        {
            Pages.SetKind(Pages.Folio(fault.Pfn), fault.Kind, folioOrder);
        }

        if (pte.Level > 1 && !Settings.PfnMapHuge)
        {
            fault.Pfn = SpecialPfn.Fault;
            fault.End(FaultOutcome.Efault, FaultReason.HugeLeaf);
            return;
        }

        bool first = vma is not null && (vma.Flags & (VmaFlags.Write | VmaFlags.Shared)) == (VmaFlags.Write | VmaFlags.Shared);
        if (fault.Write && !pte.Writable && Settings.MakesWritable && first)
        {
            // The candidate: the driver's fault handler is asked for a writable leaf once, and the lookup is made again.
            pte = HostPte.Make(pte.Pfn, writable: true, pte.Special, pte.Level);
            vm.Memory.SetPte(fault.Slot.Hva, pte);
        }

        if (fault.Write && !pte.Writable)
        {
            if (TRules.ReadOnlyFaultIsKept(in fault, Pages.StructPage(fault.Pfn)))
            {
                fault.Pfn = SpecialPfn.ReadOnlyFault;
                fault.End(OfReadOnlyLeaf, first ? FaultReason.ReadOnlyLeafFirst : FaultReason.ReadOnlyLeaf);
                return;
            }

            fault.Pfn = SpecialPfn.Fault;
            fault.End(FaultOutcome.Efault, FaultReason.ReadOnlyFaultLost);
            return;
        }

        fault.MapWritable = pte.Writable && (upgrade || TRules.RemappedWritableWithoutUpgrade);
        if (!TRules.RemappedTaken(ref fault, Pages))
        {
            FaultReason reason = fault.FindStructPage(Pages, fault.Pfn).IsRefcounted ? FaultReason.RefcountZero : FaultReason.NotGuarded;
            fault.Pfn = SpecialPfn.Fault;
            fault.MapWritable = false;
            fault.End(FaultOutcome.Efault, reason);
        }
    }
}
