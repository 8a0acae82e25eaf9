SELECT customer_id AS account_id, 'upgraded' AS name, upgrade_date AS started_at, upgrade_date AS reached_at
FROM customers
WHERE upgrade_date IS NOT NULL
