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
            "host", "Mostly a gain. If it fights with something that splits the pages again, MADV_NOHUGEPAGE there."),
        Of("compaction", "Compaction moves guest pages", "windows by kcompactd",
            "Compaction migrates guest pages to make room for larger blocks; each moved page faults again.",
            "host", "Reserve huge pages for guests instead of letting the kernel look for them."),
        Of("discard", "The VMM gives guest memory back page by page", "windows of madvise DONTNEED, FREE or REMOVE",
            "Balloon inflation, free page reporting or a similar device discards guest memory. Each call is a window; a page that the guest touches again faults and is allocated and cleared anew.",
            "VMM", "Larger pieces for each call, and no ballooning of memory that the guest uses."),
        Of("reclaim", "Reclaim takes guest pages", "windows by kswapd, or of madvise COLD or PAGEOUT",
            "The host is short of memory, or was told to page out: guest pages are unmapped and written to swap, and read back when touched.",
            "host", "More memory or less overcommit; see also swapped-guest."),
        Of("fork", "A fork write-protects guest memory", "windows of page protection changes without a call, or inside clone",
            "The VMM forks: all of its writable private memory, the guest's too, becomes copy-on-write, and every page that the guest writes is copied.",
            "VMM", "MADV_DONTFORK for guest memory, vfork or posix_spawn for helpers."),
        Of("cow", "Copy-on-write inside faults", "windows that the faulting task opens itself",
            "The lookup of a page copies it (first write to a private page of a file, to the zero page or a shared page): the copy opens a window in the middle of the fault, so the fault must be retried once.",
            "guest", "Nothing: one retry for each page, once. Prefaulting guest memory avoids it.", Severity.Note),
        Of("ttm", "A graphics driver moves buffers that the guest has mapped", "windows inside ttm_bo_handle_move_mem",
            "TTM moves a buffer between VRAM and system memory: all of it is unmapped from the guest and faults again in its new place.",
            "host driver", "Pin buffers that a guest has mapped, or give the driver more room (query bo_moves).", Severity.Note),
        Of("remap", "The VMM changes mappings of guest memory", "windows inside mprotect, mremap, munmap or mmap",
            "The VMM protects, moves or replaces memory under the guest again and again; each change unmaps it and the guest faults it in.",
            "VMM", "Fewer and larger changes; memslot calls where the guest's view should change."),
    ];

    private static Finding Of(string doer, string title, string shown, string meaning, string doing, string remedy, Severity severity = Severity.Warning) => new()
    {
        Id = "storm-" + doer,
        Severity = severity,
        Title = title,
        Meaning = meaning,
        Kernels = "All.",
        Doing = doing,
        Remedy = remedy,
        Certainty = doer is "numa" or "fork" ? "inferred" : "measured",
        Recognised = $"At least {Steps.Storm} {shown} over memslots, or {Steps.StormPages} guest pages taken away by them. A refault is a fault on a page that the guest had mapped before, behind such a window over it; the last window before the fault is charged.",
        Needs = ["storm"],
        Sql = $$"""
            SELECT b.trace_id,
                format('{{title}}: {} window{} over guest memory ({}), {} refaults', b.windows, if(b.windows > 1, 's', ''), coalesce(b.comms, 'task unknown'), count(r.fault_id)) AS title,
                count(r.fault_id) AS faults, count(DISTINCT r.gfn) AS pages, min(r.fault_id) AS first_fault, b.first_seq,
                format('{} windows, {} guest pages taken away as far as recorded, {} refaults on {} pages', b.windows, b.zapped, count(r.fault_id), count(DISTINCT r.gfn)) AS evidence
            FROM @disturbers b LEFT JOIN @refaults r ON r.trace_id = b.trace_id AND r.doer = b.doer
            WHERE b.doer = '{{doer}}' AND (b.windows >= {{Steps.Storm}} OR b.zapped >= {{Steps.StormPages}})
            GROUP BY b.trace_id, b.windows, b.comms, b.zapped, b.first_seq
            """,
        Rows = "SELECT cause, notifier_event, start_seq, gfns, zapped_pages FROM windows WHERE trace_id = 'TRACE' AND slots > 0",
    };
}
