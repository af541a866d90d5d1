namespace TraceReplay.Analysis.Findings.Storms;

/// <summary>Many invalidation windows over guest memory, by who opens them; each with the refaults that it cost.</summary>
internal static class NotifierStorms
{
    public static IReadOnlyList<Finding> All { get; } =
    [
        Of("ksm", "KSM merges guest pages", "windows by ksmd",
            "KSM scans guest memory and replaces equal pages by one read-only page. Each merged page is write-protected and unmapped from the guest, and each later write copies it again.",
            "host", "Less eager scanning (/sys/kernel/mm/ksm), or MADV_UNMERGEABLE for guests that write a lot."),
        Of("numa", "NUMA balancing unmaps guest pages", "windows of protection changes that no mprotect call made",
            "NUMA balancing takes access away from guest memory to see who uses it: the guest faults each page in again.",
            "host", "Bind guests and their memory to a node, or turn numa_balancing off for such hosts."),
        Of("khugepaged", "khugepaged collapses guest memory", "windows by khugepaged",
            "khugepaged replaces 512 small pages by a huge one: the range is unmapped from the guest and faults again, once, as a huge page.",
            "host", "Mostly a gain. If it fights with something that splits the pages again, MADV_NOHUGEPAGE there.", Severity.Note, byPages: true),
        Of("compaction", "Compaction moves guest pages", "windows by kcompactd",
            "Compaction migrates guest pages to make room for larger blocks; each moved page faults again.",
            "host", "Reserve huge pages for guests instead of letting the kernel look for them."),
        Of("discard", "The VMM gives guest memory back page by page", "windows of madvise DONTNEED, FREE or REMOVE",
            "Balloon inflation, free page reporting or a similar device discards guest memory. Each call is a window; a page that the guest touches again faults and is allocated and cleared anew.",
            "vmm", "Larger pieces for each call, and no ballooning of memory that the guest uses."),
        Of("reclaim", "Reclaim takes guest pages", "windows by kswapd or another task that also asks for accessed bits, or of madvise COLD or PAGEOUT",
            "The host is short of memory, or was told to page out: guest pages are unmapped and written to swap, and read back when touched.",
            "host", "More memory or less overcommit; see also swapped-guest."),
        Of("fork", "A fork write-protects guest memory", "windows of page protection changes without a call, or inside clone",
            "The VMM forks: all of its writable private memory, the guest's too, becomes copy-on-write, and every page that the guest writes is copied.",
            "vmm", "MADV_DONTFORK for guest memory, vfork or posix_spawn for helpers."),
        Of("cow", "Copy-on-write inside faults", "windows that the faulting task opens itself",
            "The lookup of a page copies it (first write to a private page of a file, to the zero page or a shared page): the copy opens a window in the middle of the fault, so the fault must be retried once.",
            "guest", "Nothing: one retry for each page, once. Prefaulting guest memory avoids it.", Severity.Note),
        Of("ttm", "TTM moves buffers that the guest has mapped", "windows inside ttm_bo_handle_move_mem",
            "TTM moves a buffer between VRAM and system memory: all of it is unmapped from the guest and faults again in its new place.",
            "driver", "Pin buffers that a guest has mapped, or give the driver more room (query bo_moves).", Severity.Note, byPages: true),
        Of("remap", "The VMM changes mappings of guest memory", "windows inside mprotect, mremap, munmap or mmap",
            "The VMM protects, moves or replaces memory under the guest; each change unmaps it from the guest, which faults it in again.",
            "vmm", "Fewer and larger changes; memslot calls where the guest's view should change."),
        Of("other", "Guest memory is invalidated for a reason that is not recorded", "windows of which nothing recorded says who opened them and why",
            "Something unmaps or write-protects guest memory over and over: each time the guest faults again.",
            "unknown", "Record the syscalls madvise, mprotect, mremap, munmap and mmap with it, and the probes of `tracereplay probes`."),
    ];

    private static Finding Of(string doer, string title, string shown, string meaning, string cause, string advice, Severity severity = Severity.Warning, bool byPages = false) => new()
    {
        Id = "storm-" + doer,
        Severity = severity,
        Title = title,
        Meaning = meaning,
        Kernels = "All.",
        Cause = cause,
        Advice = advice,
        Certainty = doer is "numa" or "fork" ? "inferred" : "measured",
        Recognised = $"At least {Steps.Storm} {shown} over memslots, or {Steps.StormPages} refaults behind them{(byPages ? $", or {Steps.StormPages} guest pages taken away by them" : "")}. A refault is the first fault on a page that the guest had mapped before, behind such a window over it; the last window before the fault is charged.",
        Needs = ["storm"],
        Sql = $$"""
            SELECT b.trace_id,
                format('{{title}}: {} MMU notifier invalidation{} of guest memory ({}), {} refault{}', b.windows, if(b.windows = 1, '', 's'), coalesce(b.comms, 'task unknown'), count(r.fault_id), if(count(r.fault_id) = 1, '', 's')) AS title,
                count(r.fault_id) AS faults, count(DISTINCT r.gfn) AS pages, min(r.fault_id) AS first_fault, b.first_seq,
                format('{}, {} refaults on {} pages', if(b.zaps > 0, format('{} guest pages taken away', b.zapped), 'what was taken away is not recorded'), count(r.fault_id), count(DISTINCT r.gfn)) AS evidence
            FROM @disturbers b LEFT JOIN @refaults r ON r.trace_id = b.trace_id AND r.doer = b.doer
            WHERE b.doer = '{{doer}}'
            GROUP BY b.trace_id, b.windows, b.comms, b.zapped, b.zaps, b.first_seq
            HAVING b.windows >= {{Steps.Storm}} OR count(r.fault_id) >= {{Steps.StormPages}}{{(byPages ? $" OR b.zapped >= {Steps.StormPages}" : "")}}
            """,
        Rows = "SELECT cause, notifier_event, start_seq, gfns, zapped_pages FROM windows WHERE trace_id = 'TRACE' AND slots > 0",
    };
}
