-- The first reply to each ticket: the only times at which somebody on our side spoke with a customer. Tickets are dated by
-- the day, so that a reply counts from the beginning of that day.
SELECT
    ticket_id AS id,
    account_id,
    'other' AS kind,
    coalesce(
        CAST(try_strptime(submitted_at, '%Y-%m-%d') + to_minutes(TRY_CAST(first_response_time_minutes AS BIGINT)) AS VARCHAR),
        submitted_at            -- what is no date is handed on as it is, for the import to reject that row and say why
    ) AS "at",
    'support' AS "by",
    'first reply to a ticket' AS subject
FROM ravenstack_support_tickets
WHERE first_response_time_minutes IS NOT NULL
