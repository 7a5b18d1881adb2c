-- title_fr: Éléments retenus et refusés, par émetteur et par raison
-- title_en: Items held and refused, by sender and reason
-- unit: items
-- numerator: items held or refused now
-- denominator: none
-- grain: sender, end, code
-- keys: sender, end, code
-- caveats: an item released or replayed since is no longer counted
SELECT
  sender,
  "end" AS "end",
  code,
  CAST(sum(items) AS BIGINT) AS items,
  CAST(sum(items) AS BIGINT) AS persons
FROM item
WHERE "end" IN ('held', 'refused')
GROUP BY sender, "end", code
ORDER BY sender, "end", code
