-- Of which kind are the faults of each trace, and how far does the model of the captured kernel answer for each kind?
-- Columns: file (base name of the capture) and host say whose; kind is tdp (a fault of the guest's physical addresses), shadow (KVM walks the guest's own tables), nested (of a guest that runs in the guest), guest_memfd, mmio or arm64; matched, in_set, missed (with those behind lost records) and read_off are as in `fidelity`, open is what was not predicted or not observed.
-- Needs: replay, fault
-- Then: of a kind that is open the capture does not record what decides it (docs/fidelity.md); every miss stands in the view `fidelity_misses`.
WITH captured AS (
    SELECT DISTINCT trace_id, model, setting FROM fidelity
), missed AS (
    SELECT DISTINCT trace_id, fault_id FROM fidelity_misses WHERE quantity = 'outcome'
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
    FROM faults f
    LEFT JOIN captured c ON c.trace_id = f.trace_id
    LEFT JOIN outcomes o ON o.trace_id = f.trace_id AND o.fault_id = f.fault_id AND o.model = c.model AND o.setting = c.setting
    LEFT JOIN missed m ON m.trace_id = f.trace_id AND m.fault_id = f.fault_id
)
SELECT
    trace_id,
    parse_filename(t.path) AS file,
    t.host,
    kind,
    count(*) AS faults,
    count(*) FILTER (standing = 'matched') AS matched,
    count(*) FILTER (standing = 'in_set') AS in_set,
    count(*) FILTER (standing = 'missed') AS missed,
    count(*) FILTER (standing = 'read_off') AS read_off,
    count(*) FILTER (standing = 'open') AS open
FROM standings
JOIN traces t USING (trace_id)
GROUP BY trace_id, t.path, t.host, kind
ORDER BY trace_id, faults DESC, kind;
