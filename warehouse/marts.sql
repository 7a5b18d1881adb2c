-- The marts, from the lake's segments and the projected states. One statement a table; rebuilt whole at each publish.
-- Views `lake_documents`, `states`, `account_states`, `item_ends`, `deliveries` and `reading_counts` are the caller's.

CREATE TABLE document AS
SELECT
  s.unit AS unit,
  min(coalesce(s.person, d.pseudonym)) AS pseudonym,
  min(s.received_month) AS received_month,
  min(d.created_month) AS created_month,
  min(d.type_code) AS type_code,
  max(d.format) AS format,
  min(s.sender) AS sender,
  min(s.kind) AS kind,
  min(d.department) AS department,
  min(d.age_band) AS age_band,
  min(d.sex) AS sex,
  min(s.status) AS status
FROM states AS s
JOIN (
  SELECT
    ref,
    min(pseudonym) AS pseudonym,
    min(created_month) AS created_month,
    min(type_code) AS type_code,
    min(format) AS format,
    min(department) AS department,
    min(age_band) AS age_band,
    min(sex) AS sex
  FROM lake_documents
  GROUP BY ref
) AS d ON d.ref = s.ref
WHERE s.status IN ('current', 'superseded', 'deleted')
GROUP BY s.unit;

CREATE TABLE account AS SELECT * FROM account_states;

CREATE TABLE holding AS SELECT * FROM account_holdings;

CREATE TABLE item AS SELECT * FROM item_ends;

CREATE TABLE delivery AS SELECT * FROM deliveries;

CREATE TABLE reading AS SELECT * FROM reading_counts;

CREATE TABLE account_month AS
WITH bounds AS (
  SELECT min(month) AS first_month, max(month) AS last_month FROM account_months
)
SELECT strftime(m.day, '%Y-%m') AS month
FROM bounds
CROSS JOIN generate_series(
  CAST(bounds.first_month || '-01' AS DATE), CAST(bounds.last_month || '-01' AS DATE), INTERVAL 1 MONTH
) AS m(day);
