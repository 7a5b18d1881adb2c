-- title_fr: Documents reçus par mois et par type
-- title_en: Documents received per month and type
-- unit: documents
-- numerator: units (a structured document and its PDF copy are one) accepted or flagged, whatever became of them since
-- denominator: none
-- grain: month of receipt (Europe/Paris), document type (JDV J07)
-- keys: month, type_code
-- caveats: results sent without a document (hl7-oru) are counted apart
SELECT
  received_month AS month,
  type_code,
  count(*) AS documents,
  count(DISTINCT pseudonym) AS persons
FROM document
WHERE format <> 'hl7-oru'
GROUP BY received_month, type_code
ORDER BY received_month, type_code
