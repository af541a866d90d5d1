-- Which outcome did a model predict for each guest page, and which did another kernel show for it in another run of the same scenario?
-- A page is an address of the scenario: a gfn between two of its markers. Times and pfns differ between runs and play no part.
-- Of several faults on a page between two markers the last that settled counts: retries depend on the run's timing.
-- A page that faulted in one run only is compared with what the other run had settled for it before: a mapping that stands takes no fault.
WITH
marks AS (
    -- Numbers in a marker are the run's own (addresses, counts); the text around them and how often it came say which marker it is.
    SELECT side, seq, text, row_number() OVER (PARTITION BY side, text ORDER BY seq) AS nth
    FROM (
        SELECT 'p' AS side, seq, regexp_replace(buf, '(0x)?[0-9][0-9a-f]*', '#', 'g') AS text FROM predicted.print WHERE trace_id = $predicted
        UNION ALL
        SELECT 'o', seq, regexp_replace(buf, '(0x)?[0-9][0-9a-f]*', '#', 'g') FROM observed.print WHERE trace_id = $observed
    )
    UNION ALL SELECT 'p', -1, '', 1
    UNION ALL SELECT 'o', -1, '', 1
),
-- What the replays of both runs say.
answers AS (
    SELECT 'p' AS side, trace_id, fault_id, model, setting, outcome, outcomes, level, page_kind, path, reason, retry_cause, writable FROM predicted.outcomes
    WHERE trace_id = $predicted AND model IN ($model, $predicted_model)
    UNION ALL
    SELECT 'o', trace_id, fault_id, model, setting, outcome, outcomes, level, page_kind, path, reason, retry_cause, writable FROM observed.outcomes
    WHERE trace_id = $observed AND model = $model
),
-- A set of a retry and one other outcome settles to the other.
said AS (
    SELECT * REPLACE (
        CASE
            WHEN outcome IS NOT NULL THEN outcome
            WHEN regexp_matches(outcomes, '^([A-Z]+[|]RETRY|RETRY[|][A-Z]+)$') THEN regexp_replace(outcomes, '[|]?RETRY[|]?', '')
            ELSE 'UNKNOWN'
        END AS outcome)
    FROM answers
),
-- What they say of the host: how it maps the page, which kind it is, at which level.
host AS (
    SELECT side, trace_id, fault_id, model, setting, outcome, level, page_kind, path, reason,
           CASE WHEN path = 'remapped' THEN 'remapped' WHEN path IN ('gup_fast', 'gup_slow') THEN 'ordinary' END AS vma,
           CASE
               WHEN reason LIKE 'the remapped leaf is read-only although%' THEN 'read-only until the host itself writes'
               WHEN reason = 'the remapped leaf is read-only' OR NOT writable THEN 'read-only'
               WHEN writable THEN 'writable'
               WHEN reason = 'the driver''s fault handler failed' THEN 'not at all: its driver refuses'
               WHEN reason IN ('get_user_pages failed and no VMA permits the access', 'the VMA forbids the access') THEN 'not at all: its VMA does not permit it'
           END AS maps
    FROM said
),
-- Between two machines: retries that no window over the page explains.
blind AS (
    SELECT side, fault_id FROM (
        SELECT 'p' AS side, f.fault_id, f.seq, f.end_seq, f.hva, f.vm FROM predicted.faults f WHERE f.trace_id = $predicted AND f.observed_outcome = 'RETRY' AND $machines = 'two'
        UNION ALL
        SELECT 'o', f.fault_id, f.seq, f.end_seq, f.hva, f.vm FROM observed.faults f WHERE f.trace_id = $observed AND f.observed_outcome = 'RETRY' AND $machines = 'two') f
    WHERE f.hva IS NOT NULL
      AND NOT EXISTS (FROM answers a WHERE a.side = f.side AND a.fault_id = f.fault_id AND a.retry_cause NOT IN ('window open under mmu_lock', 'seq moved under mmu_lock'))
      AND NOT EXISTS (
        SELECT 1 FROM (SELECT 'p' AS side, * FROM predicted.windows WHERE trace_id = $predicted UNION ALL BY NAME SELECT 'o' AS side, * FROM observed.windows WHERE trace_id = $observed) w
        WHERE w.side = f.side AND w.vm = f.vm AND w.start_seq < coalesce(f.end_seq, f.seq) AND coalesce(w.end_seq, 9223372036854775807) > f.seq
          AND w.hva_start <= (f.hva | 4095) AND w.hva_end > f.hva)
),
settled AS (
    SELECT 'p' AS side, f.fault_id, f.seq, coalesce(f.vm, 0) AS vm, f.as_id, f.gfn, o.outcome, o.level, f.observed_outcome AS own,
           {'outcome': o.outcome, 'kind': o.page_kind, 'level': o.level, 'vma': o.vma, 'maps': o.maps, 'path': o.path, 'reason': o.reason, 'access': f.access,
            'setting': o.setting, 'reproduced': c.outcome = f.observed_outcome} AS model
    FROM predicted.faults f JOIN host o ON o.side = 'p' AND o.fault_id = f.fault_id AND o.model = $model
    LEFT JOIN host c ON c.side = 'p' AND c.fault_id = f.fault_id AND c.model = $predicted_model
    WHERE f.trace_id = $predicted
    UNION ALL
    SELECT 'o', f.fault_id, f.seq, coalesce(f.vm, 0), f.as_id, f.gfn, f.observed_outcome, f.observed_level, f.observed_outcome,
           {'outcome': o.outcome, 'kind': o.page_kind, 'level': o.level, 'vma': o.vma, 'maps': o.maps, 'path': o.path, 'reason': o.reason, 'access': f.access,
            'setting': o.setting, 'reproduced': o.outcome = f.observed_outcome}
    FROM observed.faults f LEFT JOIN host o ON o.side = 'o' AND o.fault_id = f.fault_id
    WHERE f.trace_id = $observed
),
placed AS (
    SELECT s.*, m.text, m.nth FROM settled s ASOF JOIN marks m ON s.side = m.side AND s.seq >= m.seq WHERE s.gfn IS NOT NULL
),
faults AS (FROM placed WHERE outcome <> 'RETRY'),
retried AS (
    SELECT side, text, nth, vm, as_id, gfn, count(*) AS elsewhere FROM placed JOIN blind USING (side, fault_id) GROUP BY ALL
),
pages AS (
    SELECT side, text, nth, vm, as_id, gfn, arg_max(outcome, seq) AS outcome, arg_max(own, seq) AS own, arg_max(model, seq) AS model
    FROM faults GROUP BY ALL
),
-- What a run had settled for a page by the time of a marker, as a page of its own or within a huge page.
asked AS (
    SELECT other.side, m.seq, p.text, p.nth, p.vm, p.as_id, p.gfn
    FROM pages p JOIN (VALUES ('p'), ('o')) other(side) ON other.side <> p.side
    JOIN marks m ON m.side = other.side AND m.text = p.text AND m.nth = p.nth
    ANTI JOIN pages q ON q.side = other.side AND q.text = p.text AND q.nth = p.nth AND q.vm = p.vm AND q.as_id = p.as_id AND q.gfn = p.gfn
),
phase_ends AS (SELECT side, seq, lead(seq, 1, 9223372036854775807) OVER (PARTITION BY side ORDER BY seq) AS next FROM marks),
-- An access that was emulated takes no mapping away.
standing AS (
    SELECT side, text, nth, vm, as_id, gfn, arg_max(outcome, place) AS outcome, arg_max(model, place) AS model
    FROM (SELECT *, if(outcome = 'EMULATE', seq - (1::BIGINT << 61), seq) AS place FROM (
        SELECT a.side, a.text, a.nth, a.vm, a.as_id, a.gfn, f.outcome, f.model, f.seq
        FROM asked a JOIN phase_ends e USING (side, seq)
        JOIN faults f ON f.side = a.side AND f.vm = a.vm AND f.as_id = a.as_id AND f.seq < e.next AND f.gfn = a.gfn
        UNION ALL
        SELECT a.side, a.text, a.nth, a.vm, a.as_id, a.gfn, f.outcome, f.model, f.seq
        FROM asked a JOIN phase_ends e USING (side, seq)
        JOIN faults f ON f.side = a.side AND f.vm = a.vm AND f.as_id = a.as_id AND f.seq < e.next AND f.level = 2 AND f.gfn >> 9 = a.gfn >> 9
    ))
    GROUP BY ALL
),
compared AS (
    SELECT text, nth, vm, as_id, gfn,
           coalesce(p.outcome, sp.outcome) AS predicted, coalesce(o.outcome, so.outcome) AS observed,
           p.own, p.outcome IS NOT NULL AS faulted_predicted, o.outcome IS NOT NULL AS faulted_observed,
           coalesce(p.model, sp.model) AS mp, coalesce(o.model, so.model) AS mo
    FROM (FROM pages WHERE side = 'p') p
    FULL JOIN (FROM pages WHERE side = 'o') o USING (text, nth, vm, as_id, gfn)
    LEFT JOIN (FROM standing WHERE side = 'p') sp USING (text, nth, vm, as_id, gfn)
    LEFT JOIN (FROM standing WHERE side = 'o') so USING (text, nth, vm, as_id, gfn)
),
-- A mapped page is FIXED, FIXED_FAST or SPURIOUS by what else touched it before, not by the fault logic.
judged AS (
    SELECT *,
           CASE
               WHEN predicted IS NULL OR observed IS NULL OR predicted = 'UNKNOWN' OR observed = 'UNKNOWN' THEN 'unknown'
               WHEN predicted = observed
                    OR (predicted IN ('FIXED', 'FIXED_FAST', 'SPURIOUS') AND observed IN ('FIXED', 'FIXED_FAST', 'SPURIOUS')) THEN 'agree'
               ELSE 'differ'
           END AS compared,
           CASE
               -- A CPU without S2FWB and DIC: the one run has a memslot there, of the other the kernel refused it.
               WHEN mo.setting LIKE '%-nofwb' AND mo.kind = 'NOSLOT' AND mp.kind <> 'NOSLOT' THEN 'memslot refused (no S2FWB)'
               WHEN mp.setting LIKE '%-nofwb' AND mp.kind = 'NOSLOT' AND mo.kind <> 'NOSLOT' THEN 'memslot refused (no S2FWB) in the predicted run'
               WHEN mp.vma <> mo.vma THEN format('its VMA is {} in the predicted run, {} in the observed one', mp.vma, mo.vma)
               WHEN mp.maps <> mo.maps AND 'read-only until the host itself writes' IN (mp.maps, mo.maps)
                   THEN format('its driver maps the page {} in the predicted run, {} in the observed one', mp.maps, mo.maps)
               WHEN mp.maps <> mo.maps THEN format('it maps the page {} in the predicted run, {} in the observed one', mp.maps, mo.maps)
               WHEN mp.kind <> mo.kind THEN format('the page is of kind {} in the predicted run, {} in the observed one', mp.kind, mo.kind)
               WHEN mp.level <> mo.level THEN format('it maps the page at level {} in the predicted run, {} in the observed one', mp.level, mo.level)
           END AS fact
    FROM compared
),
-- The host is the cause where each replay gives back its own capture, the model's answers to the two hosts differ as the
-- captures do, and a fact of the host that is not the same is known.
explained AS (
    SELECT *, compared = 'differ' AND mp.reproduced AND mo.reproduced AND mp.outcome <> mo.outcome AND fact IS NOT NULL AS by_host FROM judged
),
-- Two machines: a is arm64's run, x the other.
sided AS (
    SELECT e.* EXCLUDE (fact, mp, mo), if(by_host, fact, NULL) AS fact,
           {'outcome': predicted, 'reason': mp.reason, 'path': mp.path, 'kind': mp.kind, 'level': mp.level, 'access': mp.access, 'faulted': faulted_predicted, 'elsewhere': coalesce(rp.elsewhere, 0)} AS sp,
           {'outcome': observed, 'reason': mo.reason, 'path': mo.path, 'kind': mo.kind, 'level': mo.level, 'access': mo.access, 'faulted': faulted_observed, 'elsewhere': coalesce(ro.elsewhere, 0)} AS so
    FROM explained e
    LEFT JOIN (FROM retried WHERE side = 'p') rp USING (text, nth, vm, as_id, gfn)
    LEFT JOIN (FROM retried WHERE side = 'o') ro USING (text, nth, vm, as_id, gfn)
),
ruled AS (
    SELECT *, CASE WHEN $machines <> 'two' THEN NULL WHEN compared = 'differ' THEN {rules_of_outcomes} WHEN compared = 'agree' THEN {rules_of_ways} END AS rule
    FROM (SELECT * EXCLUDE (sp, so), if($arm64 = 'predicted', sp, so) AS a, if($arm64 = 'predicted', so, sp) AS x FROM sided)
)
SELECT text AS marker, nth, vm, as_id, gfn, predicted, observed, own, faulted_predicted, faulted_observed,
       CASE WHEN by_host AND rule IS NULL THEN 'host differs: ' || fact END AS host,
       rule,
       CASE WHEN compared = 'differ' AND rule IS NOT NULL THEN 'rule' WHEN by_host THEN 'host' ELSE compared END AS verdict
FROM ruled
