namespace TraceReplay.Analysis.Findings;

/// <summary>Steps on the way to findings that several of them share.</summary>
internal static class Steps
{
    /// <summary>Windows that count for the storms; a task that does the same more often than this is one.</summary>
    public const int Storm = 64;

    /// <summary>Refaults that count as much as many windows; for some causes, guest pages taken away.</summary>
    public const int StormPages = 512;

    /// <summary>SQL text that names the page, access and vCPU of a row <c>w</c> of <c>@runs</c>.</summary>
    public const string WhoFaults = "format('guest page 0x{:x} ({} by {}): {} faults in a row{}', w.gfn, CASE w.access WHEN 'w' THEN 'write' WHEN 'x' THEN 'fetch' ELSE 'read' END, if(w.vcpu IS NULL, format('thread {}', w.pid), format('vCPU {}', w.vcpu)), w.times, if(w.at_end, ', up to the end of the capture', ''))";

    public static IReadOnlyList<Relation> All { get; } =
    [
        // Faults that did not end in a mapping, with the reason that the captured kernel's model gives, if it agrees (of a kernel that is not
        // known: any model that agrees); tail: refused as a page without a count, which only kernels up to 6.12 do.
        new("refused", """
            WITH refused AS (
                SELECT * FROM @faults WHERE observed_outcome IN ('EFAULT', 'EMULATE', 'ENOSYS', 'ABORT')
            ), ends AS (
                SELECT trace_id, pid, vm, max(seq) AS seq FROM @faults WHERE trace_id IN (SELECT trace_id FROM refused) GROUP BY ALL
            ), bad AS (
                SELECT r.*, t.seq = r.seq AS is_last, v.seq = r.seq AS is_vm_last
                FROM refused r
                JOIN (SELECT trace_id, pid, max(seq) AS seq FROM ends GROUP BY ALL) t ON t.trace_id = r.trace_id AND t.pid IS NOT DISTINCT FROM r.pid
                JOIN (SELECT trace_id, vm, max(seq) AS seq FROM ends GROUP BY ALL) v ON v.trace_id = r.trace_id AND v.vm IS NOT DISTINCT FROM r.vm
            ), captured AS (
                SELECT DISTINCT trace_id, model, setting FROM @fidelity
            ), known AS (
                SELECT trace_id, min(model) AS model FROM captured GROUP BY trace_id
            ), reasons AS (
                SELECT o.trace_id, o.fault_id, arg_min(o.reason, (o.model = 'v11', o.model)) AS reason, max(o.page_kind) AS page_kind
                FROM @outcomes o
                JOIN bad b USING (trace_id, fault_id)
                LEFT JOIN captured c ON c.trace_id = o.trace_id AND c.model = o.model AND c.setting IS NOT DISTINCT FROM o.setting
                WHERE coalesce(o.outcome, o.outcomes) = b.observed_outcome AND o.reason IS NOT NULL AND (c.model IS NOT NULL OR o.trace_id NOT IN (SELECT trace_id FROM known))
                GROUP BY o.trace_id, o.fault_id
            )
            SELECT b.* EXCLUDE (page_kind), coalesce(b.page_kind, r.page_kind) AS page_kind, r.reason,
                coalesce(b.observed_outcome = 'EFAULT' AND coalesce(b.page_kind, r.page_kind) IN ('P4', 'P7') AND coalesce(k.model, 'current') = 'current' AND NOT starts_with(coalesce(r.reason, ''), 'the remapped leaf'), false) AS tail
            FROM bad b LEFT JOIN reasons r USING (trace_id, fault_id) LEFT JOIN known k USING (trace_id)
            """),

        // Memslot calls that made or changed a slot, or took it away (size 0); how each ended, where its return was recorded.
        new("slot_calls", """
            SELECT r.trace_id, r.seq, r.pid, r.slot, r.flags, r.gpa, r.size, r.hva, e.ret
            FROM @regions r ASOF LEFT JOIN @region_ends e ON e.trace_id = r.trace_id AND e.pid = r.pid AND e.seq >= r.seq
            """),

        // VMAs that a driver or a maps file tells of.
        new("vmas", """
            SELECT trace_id, vma_start, vma_end, max(name) AS name, bool_or(ttm) AS ttm, bit_or(flags) AS flags
            FROM (
                SELECT trace_id, start_hva AS vma_start, end_hva AS vma_end, name, false AS ttm, (if(pfnmap, 1024, 0) | if(io, 16384, 0))::UBIGINT AS flags FROM @host_maps WHERE name NOT IN ('', '[rollup]')
                UNION ALL
                SELECT DISTINCT trace_id, vma_start, vma_end, NULL, false, vm_flags FROM @inserted WHERE vma_start IS NOT NULL
                UNION ALL
                SELECT DISTINCT trace_id, vma_start, vma_end, NULL, true, vm_flags FROM @ttm_faults WHERE vma_start IS NOT NULL
            )
            GROUP BY trace_id, vma_start, vma_end
            """),

        // A marker may say which driver a device node has (docs/reporting.md).
        new("drivers", """
            SELECT trace_id, regexp_extract(buf, '/dev/(dri|accel)/[[:alnum:]]+') AS node, any_value(regexp_extract(buf, 'driver=([[:alnum:]_-]+)', 1)) AS driver
            FROM @markers WHERE regexp_matches(buf, '/dev/(dri|accel)/[[:alnum:]]+ driver=[[:alnum:]_-]+') GROUP BY ALL
            """),

        // Where refused faults lie: memslot, VMA, what is known of the memory. One row for each memslot and VMA that was hit.
        new("places", """
            WITH hit AS (
                SELECT trace_id, vm, as_id, slot_id, hva - gfn * 4096 AS delta, page_kind, min(gfn) AS gfn, min(hva // 4096 * 4096) AS hva, min(seq) AS seq
                FROM @refused WHERE hva IS NOT NULL AND gfn IS NOT NULL
                GROUP BY ALL
            ), slotted AS (
                SELECT h.*, arg_max({'gpa': s.gpa, 'size': s.size, 'id': s.slot & 65535}, s.seq) AS slot
                FROM hit h
                LEFT JOIN @slot_calls s ON s.trace_id = h.trace_id AND s.seq < h.seq AND s.size > 0 AND coalesce(s.ret, 0) = 0
                    AND h.gfn * 4096 >= s.gpa AND h.gfn * 4096 < s.gpa + s.size AND s.hva + (h.gfn * 4096 - s.gpa) = h.hva
                GROUP BY ALL
            ), mapped AS (
                SELECT h.*, arg_min({'start': v.vma_start, 'end': v.vma_end, 'name': v.name, 'ttm': v.ttm, 'flags': v.flags}, v.vma_end - v.vma_start) AS vma
                FROM slotted h
                LEFT JOIN @vmas v ON v.trace_id = h.trace_id AND h.hva >= v.vma_start AND h.hva < v.vma_end
                GROUP BY ALL
            )
            SELECT m.trace_id, m.vm, m.as_id, m.slot_id, m.delta, m.page_kind, m.slot, m.vma, d.driver,
                CASE
                    WHEN d.driver IS NOT NULL THEN format('{} buffer ({})', d.driver, m.vma.name)
                    WHEN m.vma.name LIKE '/dev/dri/%' THEN format('{}buffer of {}', if(coalesce(m.vma.ttm, false), 'TTM ', 'DRM '), m.vma.name)
                    WHEN m.vma.name LIKE '/dmabuf:%' THEN 'dma-buf (udmabuf or a buffer that was handed over)'
                    WHEN m.vma.name = '[heap]' THEN 'the VMM''s heap'
                    WHEN m.vma.name <> '' THEN 'file ' || m.vma.name
                    WHEN m.page_kind IN ('P2', 'P3', 'P4', 'P5') OR coalesce(m.vma.ttm, false) THEN 'TTM buffer'
                    WHEN m.page_kind IN ('P6', 'P7') THEN 'buffer of a driver'
                    WHEN m.page_kind = 'P10' THEN 'buffer of a driver on shmem pages (GEM shmem, vgem, udmabuf)'
                    WHEN coalesce(m.vma.flags, 0) & 1024 <> 0 THEN 'mapping of a driver'
                    ELSE 'memory of the VMM' END
                || CASE m.page_kind WHEN 'P4' THEN ' in system memory' WHEN 'P3' THEN ' in system memory' WHEN 'P2' THEN ' in system memory' WHEN 'P5' THEN ' in VRAM' ELSE '' END
                || CASE WHEN m.slot IS NOT NULL THEN format(', memslot {} at gpa 0x{:x} ({})', m.slot.id, m.slot.gpa, CASE WHEN m.slot.size % 1048576 = 0 THEN format('{} MiB', m.slot.size // 1048576) ELSE format('{} KiB', m.slot.size // 1024) END)
                    WHEN m.slot_id IS NOT NULL THEN format(', memslot {}', m.slot_id) ELSE '' END AS buffer,
                (m.vma.end - m.vma.start) // 4096 AS buffer_pages
            FROM mapped m
            LEFT JOIN @drivers d ON d.trace_id = m.trace_id AND d.node = m.vma.name
            """),

        // Faults next to one of the same task on the same page with the same access, and the number of the run. All faults are sorted for
        // it: what is kept of each is a few numbers, and the rest is looked up for those that are left.
        new("neighbours", """
            WITH near AS (
                SELECT trace, fault_id, coalesce(lag(page) OVER task = page, false) AS again, lead(page) OVER task IS NULL AS is_last
                FROM (SELECT hash(trace_id) AS trace, pid, seq, fault_id, hash(gfn, access) AS page FROM @faults WHERE gfn IS NOT NULL)
                WINDOW task AS (PARTITION BY trace, pid ORDER BY seq)
                QUALIFY again OR lead(page) OVER task = page
            )
            SELECT f.trace_id, f.fault_id, f.vm, f.vcpu, f.pid, f.as_id, f.gfn, f.access, f.ts_ns, f.seq, coalesce(f.end_seq, f.seq) AS end_seq, f.observed_outcome, n.again, n.is_last,
                count(*) FILTER (NOT n.again) OVER (PARTITION BY f.trace_id, f.pid ORDER BY f.seq) AS run
            FROM near n JOIN @faults f ON hash(f.trace_id) = n.trace AND f.fault_id = n.fault_id
            """),

        // The same page and access on one vCPU, again and again, with no other fault of that vCPU between.
        new("runs", """
            WITH neighbours AS (
                -- Once: as a view it would be made anew wherever it is named.
                FROM @neighbours
            ), runs AS (
                SELECT trace_id, vm, vcpu, pid, gfn, access, run, count(*) AS times, max(ts_ns) - min(ts_ns) AS lasted_ns, min(fault_id) AS first_fault, min(seq) AS first_seq, max(end_seq) AS last_seq,
                       count(*) FILTER (observed_outcome IN ('FIXED', 'FIXED_FAST')) AS spte_set,
                       count(*) FILTER (observed_outcome = 'SPURIOUS') AS spurious,
                       count(*) FILTER (observed_outcome = 'RETRY') AS retries,
                       count(*) FILTER (observed_outcome IN ('EMULATE', 'WRITE_PROTECTED', 'ASYNC', 'EFAULT', 'ENOSYS', 'ABORT')) AS other_ways,
                       bool_or(is_last) AS at_end
                FROM neighbours GROUP BY ALL
                HAVING other_ways = 0 AND (times >= 3 OR (times = 2 AND at_end))
            ), met AS (
                SELECT r.trace_id, r.pid, r.first_fault, count(DISTINCT o.fault_id) AS in_window, count(DISTINCT w.window_id) AS windows,
                       count(DISTINCT w.window_id) FILTER (w.pid <> r.pid) AS others, arg_max(coalesce(w.cause, w.notifier_event), w.start_seq) AS cause, bool_or(w.end_seq IS NULL) AS open
                FROM runs r
                JOIN neighbours o ON o.trace_id = r.trace_id AND o.pid = r.pid AND o.gfn = r.gfn AND o.access = r.access AND o.run = r.run
                JOIN @windows w ON w.trace_id = o.trace_id AND w.vm = o.vm AND w.start_seq < o.end_seq AND coalesce(w.end_seq, 9223372036854775807) > o.seq
                WHERE w.slots IS NULL OR w.slots > 0
                GROUP BY ALL
            ), amid AS (
                -- Windows that began between the first and the last fault of the run: somebody may have taken the SPTE away.
                SELECT r.trace_id, r.pid, r.first_fault, count(*) AS amid
                FROM runs r
                JOIN @windows w ON w.trace_id = r.trace_id AND w.vm = r.vm AND w.start_seq > r.first_seq AND w.start_seq < r.last_seq
                WHERE w.slots IS NULL OR w.slots > 0
                GROUP BY ALL
            ), shared AS (
                -- Faults of the run while another vCPU was inside a fault on the same page.
                SELECT r.trace_id, r.pid, r.first_fault, count(DISTINCT o.fault_id) AS shared
                FROM runs r
                JOIN neighbours o ON o.trace_id = r.trace_id AND o.pid = r.pid AND o.gfn = r.gfn AND o.access = r.access AND o.run = r.run
                JOIN @faults p ON p.trace_id = o.trace_id AND p.vm = o.vm AND p.gfn = o.gfn AND p.as_id IS NOT DISTINCT FROM o.as_id AND p.pid <> o.pid AND p.seq < o.end_seq AND coalesce(p.end_seq, p.seq) > o.seq
                GROUP BY ALL
            ), same AS (
                -- Of kernels whose RET_PF numbers are not known: the SPTE was found as it should be (bit 1: write; bits 0 and 2: present, read, fetch).
                SELECT r.trace_id, r.pid, r.first_fault, count(*) AS unchanged
                FROM runs r
                JOIN @fast s ON s.trace_id = r.trace_id AND s.pid = r.pid AND s.seq > r.first_seq AND s.seq <= r.last_seq + 1 AND s.old_spte & if(r.access = 'w', 2, 5) <> 0
                GROUP BY ALL
            )
            SELECT r.*, coalesce(m.in_window, 0) AS in_window, coalesce(m.windows, 0) AS windows, coalesce(m.others, 0) AS other_windows, m.cause, coalesce(m.open, false) AS open, coalesce(a.amid, 0) AS amid, coalesce(h.shared, 0) AS shared, greatest(r.spurious, coalesce(s.unchanged, 0)) AS unchanged
            FROM runs r
            LEFT JOIN met m USING (trace_id, pid, first_fault)
            LEFT JOIN amid a USING (trace_id, pid, first_fault)
            LEFT JOIN shared h USING (trace_id, pid, first_fault)
            LEFT JOIN same s USING (trace_id, pid, first_fault)
            """),

        // Windows over memslots, by what the task that opened them does.
        new("disturbances", """
            WITH tasks AS (
                SELECT trace_id, seq, any_value(comm) AS comm FROM @unmaps GROUP BY ALL
            ), advice AS (
                SELECT w.trace_id, w.window_id, m.behavior
                FROM @windows w ASOF JOIN @madvise m ON m.trace_id = w.trace_id AND m.pid = w.pid AND m.seq < w.start_seq
                WHERE w.cause LIKE '%madvise%'
            ), agers AS (
                SELECT DISTINCT trace_id, pid FROM @age
            ), syscalls AS (
                SELECT DISTINCT trace_id FROM @event_counts WHERE event IN ('sys_enter_mprotect', 'sys_mprotect')
            )
            SELECT w.trace_id, w.window_id, w.vm, w.start_seq, w.end_seq, w.start_ns, w.end_ns, w.hva_start, w.hva_end, w.zapped_pages, k.comm,
                CASE
                    WHEN k.comm LIKE 'ksmd%' THEN 'ksm'
                    WHEN k.comm LIKE 'khugepaged%' THEN 'khugepaged'
                    WHEN k.comm LIKE 'kcompactd%' THEN 'compaction'
                    WHEN w.cause LIKE 'ttm_%' THEN 'ttm'
                    WHEN w.cause LIKE '%clone%' OR w.cause LIKE '%fork%' OR (w.cause IS NULL AND w.notifier_event = 'PROTECTION_PAGE') THEN 'fork'
                    WHEN w.cause IS NULL AND w.notifier_event = 'PROTECTION_VMA' AND s.trace_id IS NOT NULL THEN 'numa'
                    WHEN k.comm LIKE 'kswapd%' OR a.behavior IN (20, 21) OR (w.cause IS NULL AND g.pid IS NOT NULL) THEN 'reclaim'
                    WHEN a.behavior IN (4, 8, 9) THEN 'discard'
                    WHEN w.cause IN ('kvm_page_fault', 'kvm_guest_fault') THEN 'cow'
                    WHEN w.cause LIKE '%mprotect%' OR w.cause LIKE '%mremap%' OR w.cause LIKE '%munmap%' OR w.cause LIKE '%mmap%' THEN 'remap'
                    ELSE 'other' END AS doer
            FROM @windows w
            LEFT JOIN tasks k ON k.trace_id = w.trace_id AND k.seq = w.start_seq
            LEFT JOIN advice a ON a.trace_id = w.trace_id AND a.window_id = w.window_id
            LEFT JOIN syscalls s ON s.trace_id = w.trace_id
            LEFT JOIN agers g ON g.trace_id = w.trace_id AND g.pid = w.pid
            WHERE w.slots > 0
            """),

        new("disturbers", """
            SELECT trace_id, doer, count(*) AS windows, coalesce(sum(zapped_pages), 0)::BIGINT AS zapped, count(zapped_pages) AS zaps, min(start_seq) AS first_seq, sum(end_ns - start_ns)::BIGINT AS open_ns, string_agg(DISTINCT comm, ', ' ORDER BY comm) AS comms
            FROM @disturbances GROUP BY ALL
            """),

        // Faults on pages that the guest had mapped before, and that a window took away in between: the last such window is charged.
        new("refaults", """
            WITH disturbances AS (
                -- Once, as above.
                FROM @disturbances
            ), disturbed AS (
                -- By blocks of the VMM's memory that fit a window's size, at most 34 each: a fault meets the windows of its blocks only.
                SELECT *, unnest(range((hva_start >> level)::BIGINT, ((hva_end - 1) >> level)::BIGINT + 1)) AS block
                FROM (SELECT *, CASE WHEN hva_end - hva_start <= 67108864 THEN 21 WHEN hva_end - hva_start <= 34359738368 THEN 30 ELSE 63 END AS level FROM disturbances WHERE hva_end > hva_start)
            ), near AS (
                -- As above: all faults are sorted, and a few numbers of each kept. Only a page that was mapped once can be taken away.
                SELECT trace, vm, hva, gfn, fault_id, refused, seq, lag(seq) OVER (pages ORDER BY seq) AS before
                FROM (
                    SELECT hash(trace_id) AS trace, hash(vm, as_id, gfn) AS page, vm, hva, gfn, seq, fault_id, observed_outcome = 'EFAULT' AS refused
                    FROM @faults
                    WHERE observed_outcome IN ('FIXED', 'FIXED_FAST', 'SPURIOUS', 'ASYNC', 'EFAULT') AND hva IS NOT NULL AND trace_id IN (SELECT trace_id FROM disturbances))
                WINDOW pages AS (PARTITION BY trace, page)
                QUALIFY before IS NOT NULL AND min(if(refused, NULL, seq)) OVER pages < seq
            ), met AS (
                SELECT n.trace, n.vm, n.fault_id, n.gfn, n.refused, max(d.start_seq) AS start_seq
                FROM (SELECT near.*, level, (hva >> level)::BIGINT AS block FROM near, (SELECT DISTINCT level FROM disturbed)) n
                JOIN disturbed d ON hash(d.trace_id) = n.trace AND d.vm = n.vm AND d.level = n.level AND d.block = n.block AND n.hva >= d.hva_start AND n.hva < d.hva_end AND d.start_seq > n.before AND d.start_seq < n.seq
                GROUP BY ALL
            )
            SELECT d.trace_id, m.fault_id, m.gfn, d.doer
            FROM met m
            JOIN disturbances d ON hash(d.trace_id) = m.trace AND d.vm = m.vm AND d.start_seq = m.start_seq
            -- What the VMM took away is refused because it is gone; what TTM moved is refused where it went.
            WHERE NOT m.refused OR d.doer = 'ttm'
            """),
    ];
}
