SELECT
    ticket_id AS id,
    account_id,
    'support' AS kind,
    priority,
    submitted_at AS opened_at,
    closed_at AS resolved_at    -- written 2023-07-28 3:00, without the leading zero: read as it is
FROM ravenstack_support_tickets
