-- title_fr: Résultats de laboratoire reçus par mois
-- title_en: Laboratory results received per month
-- unit: results
-- numerator: versions of results of filler orders (hl7-oru), accepted or flagged
-- denominator: none
-- grain: month of receipt (Europe/Paris)
-- keys: month
-- caveats: a partial, a final and a corrected report of one order are three
SELECT
  received_month AS month,
  count(*) AS results,
  count(DISTINCT pseudonym) AS persons
FROM document
WHERE format = 'hl7-oru'
GROUP BY received_month
ORDER BY received_month
