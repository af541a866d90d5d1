namespace TraceReplay.Analysis.Tests;

/// <summary>
/// A small replayed trace, counted by hand: 6 faults of which two on refcount-0 tails got EFAULT; `current` misses one
/// outcome (predicts FIXED for fault 6, which the kernel retried); the other two models map the tails.
/// </summary>
internal static class ReplayedDataset
{
    public const string Id = "cccccccccccccccc";

    public static FakeDataset Create(string traceId = Id, string path = "/somewhere/6.12-ttm.trace.dat") => new FakeDataset().Add(traceId, path);

    public static FakeDataset Add(this FakeDataset data, string traceId, string path) => data
        .Manifest(traceId, path: path, events: 1234567)
        .Event("kvm.kvm_page_fault", traceId, $"SELECT '{traceId}' AS trace_id, range AS seq FROM range(6)")
        .Result("faults", traceId, $"""
            SELECT '{traceId}' AS trace_id, range + 1 AS fault_id, (256 + range)::UBIGINT AS gfn,
                   CASE WHEN range IN (1, 2) THEN 'P4' WHEN range = 0 THEN 'P3' ELSE 'GUP' END AS page_kind,
                   CASE WHEN range IN (1, 2) THEN 'EFAULT' WHEN range = 5 THEN 'RETRY' ELSE 'FIXED' END AS observed_outcome
            FROM range(6)
            """)
        .Result("outcomes", traceId, $"""
            SELECT '{traceId}' AS trace_id, range + 1 AS fault_id, model, setting,
                   CASE WHEN range IN (1, 2) AND model = 'current' THEN 'EFAULT' ELSE 'FIXED' END AS outcome,
                   CASE WHEN range IN (1, 2) THEN 'P4' WHEN range = 0 THEN 'P3' ELSE 'GUP' END AS page_kind,
                   CASE WHEN range IN (1, 2) AND model = 'current' THEN 'kvm_try_get_pfn() refuses a page with refcount 0' END AS reason
            FROM range(6), (VALUES ('merged', '7.x'), ('current', '6.12'), ('v11', 'posted')) m(model, setting)
            """)
        .Result("divergences", traceId, $"""
            SELECT '{traceId}' AS trace_id, range + 2 AS fault_id, 'current' AS model_a, model_b, 'EFAULT' AS outcome_a, 'FIXED' AS outcome_b,
                   'P4' AS page_kind, 'current needs a reference on every page, and a tail of a non-compound block has refcount 0.' AS cause
            FROM range(2), (VALUES ('v11'), ('merged')) m(model_b)
            """)
        .Result("fidelity", traceId, $"""
            SELECT '{traceId}' AS trace_id, 'current' AS model, '6.12' AS setting, quantity, total, matched, 0::BIGINT AS in_set, missed, 0::BIGINT AS lost,
                   0::BIGINT AS read_off, 0::BIGINT AS unknown, unobserved, (matched + missed) / total AS coverage
            FROM (VALUES ('outcome', 6::BIGINT, 5::BIGINT, 1::BIGINT, 0::BIGINT), ('pfn', 4, 3, 0, 1)) q(quantity, total, matched, missed, unobserved)
            """)
        .Result("assumptions", traceId, $"""
            SELECT '{traceId}' AS trace_id, a AS assumption, v AS value, s::DOUBLE AS share, d::VARCHAR AS detail
            FROM (VALUES ('AS-10', 'unknown', NULL, NULL), ('AS-1', 'inferred', 0.25, 'slots from faults'), ('AS-2', 'known', NULL, 'x')) x(a, v, s, d)
            """);
}
