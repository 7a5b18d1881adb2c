-- title_fr: Documents reçus, selon leur état
-- title_en: Documents received, by state
-- unit: documents
-- numerator: units by their state now; received = current + replaced + deleted
-- denominator: none
-- grain: month of receipt (Europe/Paris)
-- keys: month
-- caveats: the state is that of the day of publication
SELECT
  received_month AS month,
  count(*) AS received,
  sum(CASE WHEN status = 'current' THEN 1 ELSE 0 END) AS current,
  sum(CASE WHEN status = 'superseded' THEN 1 ELSE 0 END) AS replaced,
  sum(CASE WHEN status = 'deleted' THEN 1 ELSE 0 END) AS deleted,
  count(DISTINCT pseudonym) AS persons
FROM document
WHERE format <> 'hl7-oru'
GROUP BY received_month
ORDER BY received_month
