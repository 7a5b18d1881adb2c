-- title_fr: Mesures par mois et par grandeur
-- title_en: Readings per month and measure
-- unit: readings
-- numerator: distinct readings accepted or flagged
-- denominator: none
-- grain: month of the reading where it was taken, measure
-- keys: month, measure
-- caveats: readings that overlapping exports repeat are counted once
SELECT
  month,
  measure,
  CAST(sum(readings) AS BIGINT) AS readings,
  count(DISTINCT pseudonym) AS persons
FROM reading
GROUP BY month, measure
ORDER BY month, measure
