using System.Globalization;
using System.Text.RegularExpressions;
using TraceReplay.Replay.Tests.Judging;

namespace TraceReplay.Replay.Tests.Falsified;

/// <summary>
/// Captures in each of which one thing, in a few faults, is recorded otherwise than that kernel does it. Fault and line are chosen by
/// position, so that the same text gives the same copy.
/// </summary>
internal static class Falsifications
{
    private const int N = 5;
    private const string Ttm612 = "6.12/ttmsmall.trace.txt.zst";
    private const string Thp612 = "6.12/thp.trace.txt.zst";
    private const string Roslot612 = "6.12/roslot.trace.txt.zst";
    private const string Ttm72 = "7.2/ttmsmall.trace.txt.zst";
    private const ulong OtherPage = 0x40;

    // NPT: P, W, U, accessed, dirty, host-writable, MMU-writable (spec 2.1).
    private const ulong Writable = 1UL << 1;
    private const ulong Dirty = 1UL << 6;
    private const ulong Large = 1UL << 7;
    private const ulong HostWritable = 1UL << 9;
    private const ulong MmuWritable = 1UL << 10;

    public static IReadOnlyList<Falsification> All { get; } =
    [
        Of("A1", Ttm612, Caught.Faults, 5, "EFAULT exits of TTM tail pages turned into complete mappings", RefusalsToMappings),
        Of("A2", Ttm612, Caught.Faults, 5, "only the handler's return of EFAULT faults changed to FIXED", f => Each(f, Refusals(f), fault =>
        {
            f.Return(fault, -14, 5);
            f.EnterAgain(fault);
        })),
        Of("A3", Ttm612, Caught.Faults, 5, "remapped pages that KVM mapped turned into EFAULT exits", f => Each(f, Pick(f, fault => IsFixed(fault) && fault.Has("follow_pfnmap_ret"), N, 0), fault =>
        {
            f.RefuseLookup(fault);
            f.DropInstall(fault);
            f.Drop(fault.All("release_pfn"));
            f.Return(fault, 5, -14);
            f.ExitWithEfault(fault);
        })),
        Of("A4", Ttm612, Caught.Faults, 5, "FIXED faults turned into RETRY, no window near", f => Each(f, Pick(f, IsFixed, N, 1), fault =>
        {
            f.DropInstall(fault);
            f.Return(fault, 5, 1);
        })),
        Of("B1", Thp612, Caught.Faults, 5, "pfn of the installed leaf altered", f => Each(f, Small(f), fault => f.Leaf(fault, spte => spte ^ (OtherPage << 12)))),
        Of("B2", Thp612, Caught.AtTheZap, 5, "pfn altered in the lookup and the leaf alike", f => Each(f, Small(f), fault =>
        {
            f.Leaf(fault, spte => spte ^ (OtherPage << 12));
            foreach (int line in fault.All("hva_to_pfn_ret", "faultin_ret", "release_pfn"))
            {
                f.Replace(line, "pfn=0x([0-9a-f]+)", match => $"pfn=0x{Forgery.Hex(match.Groups[1].Value) ^ OtherPage:x}");
            }

            f.Replace(fault.Of("kvm_mmu_spte_requested"), "pfn ([0-9a-f]+)", match => $"pfn {Forgery.Hex(match.Groups[1].Value) ^ OtherPage:x}");
        })),
        Of("B3", Thp612, Caught.LevelOrReadOff, 5, "2 MiB leaves recorded as 4 KiB ones", HugeToSmall),
        Of("B4", Thp612, Caught.LevelOrReadOff, 3, "4 KiB leaves recorded as 2 MiB ones where the host maps 4 KiB", SmallToHuge),
        Of("B5", Thp612, Caught.Faults, 5, "leaf of a write fault recorded without W and MMU-writable", f => Each(f, Small(f), fault => f.Leaf(fault, spte => spte & ~(Writable | Dirty | MmuWritable)))),
        Of("B6", Thp612, Caught.Faults, 2, "read-only leaf recorded as writable (a hole in copy-on-write)", f => Each(f, ReadOnly(f), fault => f.Leaf(fault, spte => spte | Writable | Dirty | HostWritable | MmuWritable))),
        Of("B7", Thp612, Caught.Faults, 2, "dirty bit on a read-only leaf", f => Each(f, ReadOnly(f), fault => f.Leaf(fault, spte => spte | Dirty))),
        Of("B8", Thp612, Caught.RefusalOrReadOff, 5, "anonymous page: lookup error and EFAULT exit instead of a mapping", f => Each(f, Small(f), fault =>
        {
            f.RefuseLookup(fault);
            f.DropInstall(fault);
            f.Drop(fault.All("release_pfn"));
            f.Return(fault, 5, -14);
            f.ExitWithEfault(fault);
        })) with { Permits = IsMapped },
        Of("B9", Thp612, Caught.Faults, 5, "EFAULT exit although the recorded lookup succeeded", f => Each(f, Small(f), fault =>
        {
            f.DropInstall(fault);
            f.Return(fault, 5, -14);
            f.ExitWithEfault(fault);
        })),
        Of("B10", Thp612, Caught.Faults, 5, "kvm_release_pfn_clean not called (a leak)", f => Each(f, Small(f), fault => f.Drop([fault.Of("release_pfn")]))),
        Of("B11", Thp612, Caught.Faults, 5, "kvm_release_pfn_clean called twice", f => Each(f, Small(f), fault => f.AddLinesBehind(fault.Of("release_pfn"), [f[fault.Of("release_pfn")]]))),
        Of("B12", Thp612, Caught.Faults, 5, "FIXED although a window over the page was open from before the fault to after it", f => Windows(f, inside: false)),
        Of("B13", Thp612, Caught.Faults, 5, "FIXED although a window began and ended inside its lookup", f => Windows(f, inside: true)),
        Of("B14", Thp612, Caught.Windows, 4, "kvm_unmap_hva_range of windows with zaps dropped (the probes stay)", f => f.Drop(Zapping(f).SelectMany(window => window).Where(line => Is(f, line, "kvm_unmap_hva_range")))),
        Of("B15", Thp612, Caught.StrayZaps, 1026, "all records of windows with zaps dropped, the zaps stay", f =>
        {
            List<List<int>> windows = Zapping(f);
            EachZap(f, _ => { });
            f.Drop(windows.SelectMany(window => window).Where(line => !Is(f, line, Changed)));
        }),
        Of("B16", Thp612, Caught.MissingZaps, 1026, "zaps in a window not recorded: the kernel forgot them", f => EachZap(f, line => f.Drop([line]))),
        Of("B17", Thp612, Caught.Records, 1026, "zaps of another page than the window's", f => EachZap(f, line =>
            f.Replace(line, "gfn ([0-9a-f]+)", match =>
            {
                ulong other = Forgery.Hex(match.Groups[1].Value) + 0x300;
                f.Touch(other);
                return $"gfn {other:x}";
            }))),
        Of("B18", Thp612, Caught.Faults, 4, "leaves of two faults exchanged", Exchange),
        Of("B19", Thp612, Caught.Faults, 5, "RETRY after an own copy-on-write window turned into FIXED", RetriesToMappings),
        Of("C1", Roslot612, Caught.Faults, 5, "write to a READONLY slot: EMULATE turned into FIXED (the return only)", f => Each(f, Pick(f, fault => fault.Return == "2" && fault.Has("faultin_ret"), N, 3), fault => f.Return(fault, 2, 5))),
        Of("D1", Ttm72, Caught.Faults, 5, "7.2 refuses remapped pages as 6.12 did", f => Each(f, Remapped(f), fault =>
        {
            foreach (int line in fault.All("hva_to_pfn_ret", "follow_pfn_ret", "gfaultin_ret", "faultin_ret"))
            {
                f.Replace(line, " pfn=0x[0-9a-f]+", " pfn=0x7ff0000000000000");
            }

            f.Replace(fault.Of("faultin_ret"), " ret=0", " ret=-14");
            f.DropInstall(fault);
            f.Return(fault, 5, -14);
            f.ExitWithEfault(fault);
        })),
        Of("D2", Ttm72, Caught.Faults, 5, "7.2 puts a page for a remapped pfn", f => Each(f, Remapped(f), fault =>
            f.AddBehind(fault.Of("kvm_mmu_set_spte"), "release_page_dirty: (kvm_release_page_dirty+0x4/0x90 [kvm]) page=0xffffea0004b03bc0"))),
    ];

    private const string Changed = "kvm_tdp_mmu_spte_changed";

    private static Falsification Of(string name, string text, Caught caught, int altered, string what, Action<Forgery> alter) =>
        new(name, text, text.StartsWith('7') ? "7.2.12" : "6.12.95", caught, what, alter) { Altered = altered };

    private static void Each(Forgery forgery, IEnumerable<TextFault> faults, Action<TextFault> alter)
    {
        foreach (TextFault fault in faults)
        {
            alter(fault);
            forgery.Mark(fault);
        }
    }

    /// <summary>A few faults, spread over the capture.</summary>
    private static List<TextFault> Pick(Forgery forgery, Func<TextFault, bool> condition, int count, int skip)
    {
        List<TextFault> all = [.. forgery.Text.Faults.Where(condition)];
        int step = Math.Max(1, (all.Count - skip) / (count + 1));
        return [.. Enumerable.Range(0, count).Select(i => skip + (i * step)).Where(i => i < all.Count).Select(i => all[i])];
    }

    private static bool IsFixed(TextFault fault) => fault.Has("kvm_mmu_set_spte") && fault.Return == "5";

    private static bool IsLookedUpAndFixed(TextFault fault) => IsFixed(fault) && fault.Has("hva_to_pfn_ret");

    private static bool IsLevel(TextFault fault, int level) =>
        IsLookedUpAndFixed(fault) && fault.Values("kvm_mmu_set_spte").Contains(string.Create(CultureInfo.InvariantCulture, $"level {level} "), StringComparison.Ordinal);

    private static List<TextFault> Small(Forgery f) => Pick(f, fault => IsLevel(fault, 1), N, 40);

    private static List<TextFault> ReadOnly(Forgery f) =>
        Pick(f, fault => IsLookedUpAndFixed(fault) && (TextFault.HexIn(fault.Values("kvm_mmu_set_spte"), " spte ") & Writable) == 0, N, 0);

    /// <summary>Pages that a driver inserted before, refused although the host's entry is writable.</summary>
    private static List<TextFault> Refusals(Forgery f) => Pick(
        f,
        fault => fault.Return == "-14" && fault.Has("kvm_userspace_exit") && !fault.Has("ttm_fault") && Regex.IsMatch(fault.Values("follow_pfnmap_ret"), "pfn=0x[1-9a-f][0-9a-f]+ writable=1 ret=0"),
        N,
        3);

    private static List<TextFault> Remapped(Forgery f) => Pick(f, fault => IsLookedUpAndFixed(fault) && fault.Has("follow_pfnmap_ret") && !fault.Has("ttm_fault"), N, 10);

    private static void RefusalsToMappings(Forgery f) => Each(f, Refusals(f), fault =>
    {
        string pfn = TextFault.HexIn(fault.Values("follow_pfnmap_ret"), "pfn=0x").ToString("x", CultureInfo.InvariantCulture);
        f.Replace(fault.Of("hva_to_pfn_ret"), "pfn=0x[0-9a-f]+", "pfn=0x" + pfn);
        f.Replace(fault.Of("faultin_ret"), "pfn=0x[0-9a-f]+", "pfn=0x" + pfn);
        f.Replace(fault.Of("faultin_ret"), "ret=-14", "ret=0");
        f.AddBehind(fault.Of("faultin_ret"), [.. Install(fault.Gfn, pfn), $"release_pfn: (kvm_release_pfn_clean+0x4/0xc0 [kvm]) pfn=0x{pfn}"]);
        f.Return(fault, -14, 5);
        f.EnterAgain(fault);
    });

    private static void RetriesToMappings(Forgery f) => Each(f, Pick(f, fault => fault.Return == "1" && fault.Has("hva_to_pfn_ret"), N, 5), fault =>
    {
        f.Replace(fault.Of("faultin_ret"), " ret=1$", " ret=0");
        f.AddBehind(fault.Of("faultin_ret"), Install(fault.Gfn, TextFault.HexIn(fault.Values("faultin_ret"), "pfn=0x").ToString("x", CultureInfo.InvariantCulture)));
        f.Return(fault, 1, 5);
    });

    private static string[] Install(ulong gfn, string pfn) =>
    [
        $"kvm_mmu_spte_requested: gfn {gfn:x} pfn {pfn} level 1",
        $"kvm_tdp_mmu_spte_changed: as id 0 gfn {gfn:x} level 1 old_spte 8000000000000000 new_spte {pfn}e67",
        $"kvm_mmu_set_spte: gfn {gfn:x} spte {pfn}e67 (rwxu) level 1 at 10a6d8008",
    ];

    private static void HugeToSmall(Forgery f) => Each(f, Pick(f, fault => IsLevel(fault, 2), N, 1), fault =>
    {
        ulong pfn = TextFault.HexIn(fault.Values("faultin_ret"), "pfn=0x");
        ulong Small(string spte) => (pfn << 12) | (Forgery.Hex(spte) & 0xfff & ~Large);
        f.Replace(fault.Of("kvm_mmu_spte_requested"), "level 2", "level 1");
        f.Replace(fault.Of("kvm_mmu_set_spte"), "gfn [0-9a-f]+ spte ([0-9a-f]+)(.*)level 2", match => $"gfn {fault.Gfn:x} spte {Small(match.Groups[1].Value):x}{match.Groups[2].Value}level 1");
        foreach (int line in fault.All(Changed).Where(line => f[line].Contains("level 2", StringComparison.Ordinal)))
        {
            f.Replace(line, "gfn [0-9a-f]+ level 2 old_spte ([0-9a-f]+) new_spte ([0-9a-f]+)", match => $"gfn {fault.Gfn:x} level 1 old_spte {match.Groups[1].Value} new_spte {Small(match.Groups[2].Value):x}");
        }
    });

    private static void SmallToHuge(Forgery f)
    {
        foreach (TextFault fault in Small(f))
        {
            ulong pfn = TextFault.HexIn(fault.Values("faultin_ret"), "pfn=0x");
            if (((fault.Gfn ^ pfn) & 511) != 0)
            {
                continue;
            }

            ulong Huge(string spte) => ((pfn & ~511UL) << 12) | (Forgery.Hex(spte) & 0xfff) | Large;
            ulong first = fault.Gfn & ~511UL;
            f.Replace(fault.Of("kvm_mmu_spte_requested"), "level 1", "level 2");
            f.Replace(fault.Of("kvm_mmu_set_spte"), "gfn [0-9a-f]+ spte ([0-9a-f]+)(.*)level 1", match => $"gfn {first:x} spte {Huge(match.Groups[1].Value):x}{match.Groups[2].Value}level 2");
            foreach (int line in fault.All(Changed).Where(line => f[line].Contains("level 1", StringComparison.Ordinal)))
            {
                f.Replace(line, "gfn [0-9a-f]+ level 1 old_spte ([0-9a-f]+) new_spte ([0-9a-f]+)", match => $"gfn {first:x} level 2 old_spte {match.Groups[1].Value} new_spte {Huge(match.Groups[2].Value):x}");
            }

            // A huge leaf stands over every page of its block.
            for (ulong gfn = first; gfn < first + 512; gfn++)
            {
                f.Touch(gfn);
            }

            f.Mark(fault);
        }
    }

    private static void Exchange(Forgery f)
    {
        List<TextFault> faults = Small(f);
        for (int i = 0; i + 1 < faults.Count; i += 2)
        {
            (TextFault one, TextFault other) = (faults[i], faults[i + 1]);
            ulong a = TextFault.HexIn(one.Values("kvm_mmu_set_spte"), " spte ");
            ulong b = TextFault.HexIn(other.Values("kvm_mmu_set_spte"), " spte ");
            f.Leaf(one, _ => b);
            f.Leaf(other, _ => a);
            f.Mark(one);
            f.Mark(other);
        }
    }

    /// <summary>Adds a window of another task over the page of each of a few faults.</summary>
    private static void Windows(Forgery f, bool inside)
    {
        string kvm = Regex.Match(f.Content, "set_region:.*kvm=(0x[0-9a-f]+)").Groups[1].Value;
        Each(f, Small(f), fault =>
        {
            ulong hva = TextFault.HexIn(fault.Values("hva_to_pfn"), "hva=0x");
            string seq = Regex.Match(f[fault.Of("faultin_ret")], @"mmu_seq=(\d+)").Groups[1].Value;
            string[] begin =
            [
                $"kvm_mn_start: (kvm_mmu_notifier_invalidate_range_start+0x4/0x2b0 [kvm]) mn=0xffffc90000562a88 start=0x{hva:x} end=0x{hva + 4096:x} flags=0x1 event=0",
                $"kvm_unmap_hva_range: mmu notifier unmap range: 0x{hva:x14} -- 0x{hva + 4096:x14}",
                "kvm_mn_start_ret: (__mmu_notifier_invalidate_range_start+0x80/0x1f0 <- kvm_mmu_notifier_invalidate_range_start) ret=0",
            ];
            string[] end =
            [
                $"kvm_mn_end: (kvm_mmu_notifier_invalidate_range_end+0x4/0xc0 [kvm]) mn=0xffffc90000562a88 start=0x{hva:x} end=0x{hva + 4096:x} event=0",
                $"kvm_inv_end: (kvm_mmu_invalidate_end+0x4/0x60 [kvm]) kvm={kvm} seq={seq} in_progress=1 start=0x{fault.Gfn:x} end=0x{fault.Gfn + 1:x}",
            ];
            string Head(int line) => Regex.Replace(f.Text.Events[line]!.Head, @"^(\s*)\S+-\d+", "$1minivmm-999");
            if (inside)
            {
                int lookup = fault.Of("hva_to_pfn");
                f.AddLinesBehind(lookup, begin.Concat(end).Select(e => Head(lookup) + e));
                f.ShiftSequence(fault.Of("faultin_ret") + 1);
            }
            else
            {
                int last = fault.Lines[^1];
                f.AddLinesBefore(fault.Lines[0], begin.Select(e => Head(fault.Lines[0]) + e));
                f.AddLinesBehind(last, end.Select(e => Head(last) + e));
                f.ShiftSequence(last + 1);
            }
        });
    }

    /// <summary>The lines of a few windows in which leaves were zapped, from the notifier's start to the end of the invalidation.</summary>
    private static List<List<int>> Zapping(Forgery f)
    {
        List<List<int>> windows = [];
        Dictionary<int, List<int>> open = [];
        for (int i = 0; i < f.Text.Events.Count; i++)
        {
            if (f.Text.Events[i] is not { } e)
            {
                continue;
            }

            if (e.Name == "kvm_mn_start")
            {
                open[e.Pid] = [i];
            }
            else if (open.TryGetValue(e.Pid, out List<int>? window))
            {
                window.Add(i);
                if (e.Name == "kvm_inv_end")
                {
                    windows.Add(window);
                    open.Remove(e.Pid);
                }
            }
        }

        List<List<int>> chosen = [.. windows.Where(window => window.Any(line => Is(f, line, Changed))).Skip(2).Take(N)];
        if (f.Records.Count == 0)
        {
            // The windows' first zaps stand for them.
            f.Records.AddRange(chosen.Select(window => window.First(line => Is(f, line, Changed))));
            foreach (int line in chosen.SelectMany(window => window).Where(line => Is(f, line, Changed)))
            {
                f.Touch(GfnOf(f, line));
            }
        }

        return chosen;
    }

    private static void EachZap(Forgery f, Action<int> alter)
    {
        List<int> zaps = [.. Zapping(f).SelectMany(window => window).Where(line => Is(f, line, Changed))];
        f.Records.Clear();
        f.Records.AddRange(zaps);
        zaps.ForEach(alter);
    }

    public static ulong GfnOf(Forgery f, int line) => TextFault.HexIn(f.Text.Events[line]!.Values, "gfn ");

    private static bool Is(Forgery f, int line, string name) => f.Text.Events[line]!.Name == name;

    /// <summary>Whether the text holds the mmap of the page's memory, with reading and writing allowed, and nothing that took it back.</summary>
    private static bool IsMapped(RecordedText text, TextFault fault)
    {
        ulong hva = TextFault.HexIn(fault.Values("hva_to_pfn"), "hva=0x");
        bool permits = false;
        Dictionary<string, (ulong Length, bool ReadWrite)> entered = [];
        for (int i = 0; i < fault.Lines[0]; i++)
        {
            if (Regex.Match(text.Lines[i], @"-(\d+)\s+\[\d+\].*: sys_mmap\(addr: \w+, len: (\w+), prot: (\w+),") is { Success: true } enter)
            {
                entered[enter.Groups[1].Value] = (Forgery.Hex(enter.Groups[2].Value), (Forgery.Hex(enter.Groups[3].Value) & 3) == 3);
            }
            else if (Regex.Match(text.Lines[i], @"-(\d+)\s+\[\d+\].*: sys_mmap -> 0x(\w+)") is { Success: true } exit && entered.Remove(exit.Groups[1].Value, out (ulong Length, bool ReadWrite) call))
            {
                ulong start = Forgery.Hex(exit.Groups[2].Value);
                permits = hva >= start && hva < start + call.Length ? call.ReadWrite : permits;
            }
            else if (Regex.Match(text.Lines[i], @": sys_(munmap|mprotect)\((?:addr|start): (\w+), len: (\w+)(?:, prot: (\w+))?") is { Success: true } change)
            {
                ulong start = Forgery.Hex(change.Groups[2].Value);
                bool allowed = change.Groups[4].Success && (Forgery.Hex(change.Groups[4].Value) & 3) == 3;
                permits = hva >= start && hva < start + Forgery.Hex(change.Groups[3].Value) ? allowed : permits;
            }
        }

        return permits;
    }
}
