namespace TraceReplay.Analysis.Findings.Storms;

/// <summary>KVM is asked for accessed bits again and again.</summary>
internal static class AgingStorm
{
    public static Finding Finding { get; } = new()
    {
        Id = "aging-storm",
        Severity = Severity.Warning,
        Title = "Page aging walks the guest's mappings",
        Meaning = "Reclaim, MGLRU or idle page tracking asks KVM whether guest pages were accessed, page by page or range by range. Each call takes locks of the MMU; without accessed bits it also zaps or write-protects, and the guest faults again.",
        Kernels = "All; from 6.13 on x86 ages without mmu_lock.",
        Cause = "host",
        Advice = "Less memory pressure, or larger intervals of the ager (MGLRU min_ttl_ms, idle page tracking, DAMON).",
        Certainty = "measured",
        Recognised = "At least 64 kvm_age_hva or kvm_test_age_hva.",
        Needs = ["64 kvm_age_hva|64 kvm_test_age_hva"],
        Sql = """
            WITH asked AS (
                SELECT trace_id, seq, comm, 1 AS cleared FROM @age UNION ALL SELECT trace_id, seq, comm, 0 FROM @test_age
            )
            SELECT trace_id, format('{} MMU notifier calls ask for accessed bits of guest pages ({})', count(*), coalesce(string_agg(DISTINCT comm, ', ' ORDER BY comm), 'task unknown')) AS title,
                NULL::BIGINT AS faults, NULL::BIGINT AS pages, NULL::BIGINT AS first_fault, min(seq) AS first_seq, format('{} kvm_age_hva, {} kvm_test_age_hva', sum(cleared), count(*) - sum(cleared)) AS evidence
            FROM asked GROUP BY trace_id HAVING count(*) >= 64
            """,
        Rows = "SELECT comm, count(*) FROM kvm_age_hva WHERE trace_id = 'TRACE' GROUP BY comm",
    };
}
