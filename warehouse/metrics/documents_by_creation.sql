-- title_fr: Documents par mois de création
-- title_en: Documents per month of creation
-- unit: documents
-- numerator: units accepted or flagged
-- denominator: none
-- grain: month of creation, as the document says it
-- keys: month
-- caveats: a month goes on growing as late documents come in
SELECT
  created_month AS month,
  count(*) AS documents,
  count(DISTINCT pseudonym) AS persons
FROM document
WHERE format <> 'hl7-oru'
GROUP BY created_month
ORDER BY created_month
