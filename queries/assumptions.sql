-- What did the replay have to assume, and how much hangs on it?
-- Columns: file (base name of the capture) and host say whose; assumption is its number (`tracereplay models --vocabulary`: AS-1 memslots, AS-4 TTM block orders, AS-5 end of windows, ...); value is what was taken; share is the part of the cases that rest on it, NULL where it cannot be counted.
-- Needs: replay
-- Then: `tracereplay info CAPTURE` names the probe or event that would turn an assumption into knowledge.
SELECT a.trace_id, parse_filename(t.path) AS file, t.host, t.kernel, a.assumption, a.value, a.share, a.detail
FROM assumptions a
JOIN traces t USING (trace_id)
ORDER BY a.trace_id, try_cast(regexp_extract(a.assumption, '[0-9]+') AS INTEGER), a.assumption;
