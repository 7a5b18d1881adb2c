-- title_fr: Documents reçus par mois et par nature de source
-- title_en: Documents received per month and kind of source
-- unit: documents
-- numerator: units accepted or flagged
-- denominator: none
-- grain: month of receipt (Europe/Paris), kind of the sender (lab, hospital, device, app, insurer, office)
-- keys: month, kind
-- caveats: the kind is that of the sender, not of the document
SELECT
  received_month AS month,
  kind,
  count(*) AS documents,
  count(DISTINCT pseudonym) AS persons
FROM document
WHERE format <> 'hl7-oru'
GROUP BY received_month, kind
ORDER BY received_month, kind
