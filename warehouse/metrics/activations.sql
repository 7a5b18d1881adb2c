-- title_fr: Activations par mois, cumul et part des titulaires
-- title_en: Activations per month, cumulative, and share of holders
-- unit: persons
-- numerator: persons whose first opening falls in the month (not auto_created, reopened or login)
-- denominator: holders at the month's end (invited or created, not opposed, not closed)
-- grain: month of the event (Europe/Paris)
-- keys: month
-- caveats: the share is the cumulative number over the holders of the same month
WITH monthly AS (
  SELECT m.month AS month, count(a.pseudonym) AS activations
  FROM account_month AS m
  LEFT JOIN account AS a ON a.activated_month = m.month
  GROUP BY m.month
),
holders AS (
  SELECT m.month AS month, count(h.pseudonym) AS holders
  FROM account_month AS m
  LEFT JOIN holding AS h ON h.from_month <= m.month AND (h.to_month = '' OR h.to_month > m.month)
  GROUP BY m.month
)
SELECT
  monthly.month AS month,
  monthly.activations AS activations,
  CAST(sum(monthly.activations) OVER (ORDER BY monthly.month) AS BIGINT) AS cumulative,
  holders.holders AS holders,
  CASE
    WHEN holders.holders = 0 THEN NULL
    ELSE round(100.0 * sum(monthly.activations) OVER (ORDER BY monthly.month) / holders.holders, 2)
  END AS share,
  monthly.activations AS persons
FROM monthly
JOIN holders ON holders.month = monthly.month
ORDER BY monthly.month
