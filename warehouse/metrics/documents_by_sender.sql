-- title_fr: Documents reçus par mois et par émetteur
-- title_en: Documents received per month and sender
-- unit: documents
-- numerator: units accepted or flagged, for the sender that brought them first
-- denominator: none
-- grain: month of receipt (Europe/Paris), sender
-- keys: month, sender
-- caveats: a document that two senders bring is counted once, for the first
SELECT
  received_month AS month,
  sender,
  count(*) AS documents,
  count(DISTINCT pseudonym) AS persons
FROM document
WHERE format <> 'hl7-oru'
GROUP BY received_month, sender
ORDER BY received_month, sender
