namespace TraceReplay.Analysis.Findings.Refused;

/// <summary>B12 and B19: the host's leaf is read-only although the mapping permits writes.</summary>
internal static class ReadOnlyFirstWrite
{
    public static Finding Finding { get; } = new()
    {
        Id = "readonly-first-write",
        Severity = Severity.Serious,
        Title = "The first write to a buffer page meets a read-only leaf of the host",
        Meaning = "The driver maps its pages read-only until the host itself writes (its VMA has pfn_mkwrite, as the shmem helper of DRM has since 7.1), even when asked for a write. KVM finds a present read-only leaf, asks nobody for a writable one and gives up: on x86 each first write to a page is emulated, and an instruction that the emulator lacks ends the guest; on arm64 KVM_RUN ends with EFAULT and the VM is dead. The VMA permits the write: a person who writes to the same mapping in the VMM succeeds.",
        Kernels = "KVM on all kernels behaves so; drivers with the shmem helper of DRM map so from 7.1 on (7.2 and 7.3 captured, 6.12 and 6.1 map writable at once). Candidate fix: setting mkwrite of the model merged.",
        Cause = "driver",
        Advice = "Let the VMM write to (prefault) every page of the buffer before the guest does. Fix: the remapped lookup asks the fault handler for a writable leaf once (`replay --model merged,merged@mkwrite` shows both).",
        Certainty = "measured",
        Recognised = "A write to a VM_PFNMAP page that ended in EMULATE or EFAULT, of which the lookup's and the driver's records show that the leaf is read-only and the VMA writable (the model gives that as its reason).",
        Needs = ["outcome EFAULT|outcome EMULATE"],
        Sql = """
            WITH hit AS (
                SELECT r.*, p.buffer, p.vma, p.buffer_pages
                FROM @refused r
                LEFT JOIN @places p ON p.trace_id = r.trace_id AND p.vm IS NOT DISTINCT FROM r.vm AND p.as_id IS NOT DISTINCT FROM r.as_id AND p.slot_id IS NOT DISTINCT FROM r.slot_id AND p.delta = r.hva - r.gfn * 4096 AND p.page_kind IS NOT DISTINCT FROM r.page_kind
                WHERE r.reason LIKE 'the remapped leaf is read-only although%'
            ), buffers AS (
                SELECT trace_id, vm, buffer, any_value(buffer_pages) AS buffer_pages, count(*) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq,
                       arg_min(gpa, seq) AS gpa, count(*) FILTER (observed_outcome = 'EFAULT') AS refused, count(*) FILTER (observed_outcome = 'EFAULT') = 1 AND bool_or(is_vm_last AND observed_outcome = 'EFAULT') AS vm_stopped
                FROM hit GROUP BY ALL
            ), fixes AS (
                SELECT o.trace_id, h.buffer, count(*) AS judged, count(*) FILTER (coalesce(o.outcome, o.outcomes) = 'FIXED') AS fixed
                FROM @outcomes o JOIN hit h USING (trace_id, fault_id) WHERE o.model LIKE 'merged%' AND o.setting = 'mkwrite' GROUP BY ALL
            )
            SELECT b.trace_id,
                format('{} first write{} to the {} {}: the host''s PTE is read-only although the VMA is writable (first at gpa 0x{:x}). The host driver differs, not KVM{}', b.faults, if(b.faults = 1, '', 's'), coalesce(b.buffer, 'buffer of a driver'),
                    CASE WHEN b.refused = b.faults THEN 'refused with EFAULT' WHEN b.refused = 0 THEN 'emulated instead of mapped' ELSE format('emulated instead of mapped, {} of them refused with EFAULT', b.refused) END, b.gpa, if(b.vm_stopped, '. The VM stopped there', '')) AS title,
                b.faults, b.pages, b.first_fault, b.first_seq,
                format('{} page{}{}; the candidate fix (merged@mkwrite: ask the driver for a writable PTE once) would map {} of {}', b.pages, if(b.pages = 1, '', 's'), if(b.buffer_pages IS NULL, '', format(' of a buffer of {}', b.buffer_pages)), coalesce(x.fixed, b.faults), b.faults || if(x.fixed IS NULL, ' (inferred: the VMA permits them)', ' (replayed)')) AS evidence,
                if(b.refused > 0, 'critical', NULL) AS severity
            FROM buffers b LEFT JOIN fixes x ON x.trace_id = b.trace_id AND x.buffer IS NOT DISTINCT FROM b.buffer
            """,
        Rows = "SELECT f.fault_id, format('0x{:x}', f.gpa) AS gpa, f.observed_outcome, o.model, o.setting, o.outcome, o.reason FROM faults f JOIN outcomes o USING (trace_id, fault_id) WHERE f.trace_id = 'TRACE' AND o.reason LIKE 'the remapped leaf is read-only although%'",
    };
}
