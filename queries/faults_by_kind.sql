-- Of which kind are the faults of each trace, and how far does the model of the captured kernel answer for each kind?
-- Columns: file (base name of the capture) and host say whose; kind is tdp (a fault of the guest's physical addresses), shadow (KVM walks the guest's own tables), nested (of a guest that runs in the guest), guest_memfd, mmio or arm64; matched, in_set, missed (with those behind lost records) and read_off are as in `fidelity`, open is what was not predicted or not observed.
-- Needs: replay, fault
-- Then: of a kind that is open the capture does not record what decides it (docs/fidelity.md); every miss stands in the view `fidelity_misses`.
WITH captured AS (
    SELECT DISTINCT trace_id, model, setting FROM fidelity
), predicted AS (
    -- What is kept of each row for the join is small: a hash in place of the trace's id.
    SELECT hash(o.trace_id) AS trace, o.fault_id, o.outcomes, o.read_off
    FROM outcomes o
    SEMI JOIN captured c ON c.trace_id = o.trace_id AND c.model = o.model AND c.setting = o.setting
), missed AS (
    SELECT DISTINCT hash(trace_id) AS trace, fault_id FROM fidelity_misses WHERE quantity = 'outcome'
), standings AS (
    SELECT
        f.trace_id,
        f.kind,
        CASE
            WHEN m.fault_id IS NOT NULL THEN 'missed'
            WHEN f.observed_outcome = 'UNKNOWN' THEN 'open'
            WHEN o.outcomes = f.observed_outcome THEN if(o.read_off, 'read_off', 'matched')
            WHEN list_contains(string_split(o.outcomes, '|'), f.observed_outcome) THEN 'in_set'
            ELSE 'open'
        END AS standing
    FROM (SELECT trace_id, hash(trace_id) AS trace, fault_id, kind, observed_outcome FROM faults) f
    LEFT JOIN predicted o ON o.trace = f.trace AND o.fault_id = f.fault_id
    LEFT JOIN missed m ON m.trace = f.trace AND m.fault_id = f.fault_id
), counted AS (
    SELECT
        trace_id,
        kind,
        count(*) AS faults,
        count(*) FILTER (standing = 'matched') AS matched,
        count(*) FILTER (standing = 'in_set') AS in_set,
        count(*) FILTER (standing = 'missed') AS missed,
        count(*) FILTER (standing = 'read_off') AS read_off,
        count(*) FILTER (standing = 'open') AS open
    FROM standings
    GROUP BY ALL
)
SELECT
    trace_id,
    parse_filename(t.path) AS file,
    t.host,
    kind,
    faults,
    matched,
    in_set,
    missed,
    read_off,
    open
FROM counted
JOIN traces t USING (trace_id)
ORDER BY trace_id, faults DESC, kind;
