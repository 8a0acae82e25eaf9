-- The time to resolve is in hours.
SELECT
    ticket_id AS id,
    customer_id AS account_id,
    'support' AS kind,
    priority,
    created_date AS opened_at,
    created_date + to_hours(resolution_time) AS resolved_at,
    topic AS subject
FROM support_tickets
