-- title_fr: Patients avec au moins un document
-- title_en: Patients with at least one document
-- unit: persons
-- numerator: distinct patients with a document received up to the month's end, cumulative
-- denominator: none
-- grain: month of receipt (Europe/Paris)
-- keys: month
-- caveats: a patient whose only documents were deleted since is still counted
WITH first_document AS (
  SELECT pseudonym, min(received_month) AS month
  FROM document
  WHERE format <> 'hl7-oru'
  GROUP BY pseudonym
),
monthly AS (
  SELECT month, count(*) AS newcomers FROM first_document GROUP BY month
),
months AS (
  SELECT DISTINCT received_month AS month FROM document WHERE format <> 'hl7-oru'
)
SELECT
  months.month AS month,
  CAST(sum(coalesce(monthly.newcomers, 0)) OVER (ORDER BY months.month) AS BIGINT) AS patients,
  CAST(sum(coalesce(monthly.newcomers, 0)) OVER (ORDER BY months.month) AS BIGINT) AS persons
FROM months
LEFT JOIN monthly ON monthly.month = months.month
ORDER BY months.month
