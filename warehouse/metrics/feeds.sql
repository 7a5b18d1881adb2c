-- title_fr: Flux reçus, par émetteur
-- title_en: Feeds received, by sender
-- unit: deliveries
-- numerator: deliveries taken and items read in them, with the day of the last delivery
-- denominator: none
-- grain: sender, day of its last delivery (Europe/Paris)
-- keys: sender, last_received
-- caveats: the same file sent again is no new delivery; senders of few items are put together
SELECT
  sender,
  max(received_day) AS last_received,
  count(*) AS deliveries,
  CAST(sum(items) AS BIGINT) AS items,
  CAST(sum(items) AS BIGINT) AS persons
FROM delivery
GROUP BY sender
ORDER BY sender
