-- The satisfaction that some tickets end with.
SELECT ticket_id AS id, account_id, 'csat' AS kind, satisfaction_score AS score, closed_at AS "at"
FROM ravenstack_support_tickets
WHERE satisfaction_score IS NOT NULL
