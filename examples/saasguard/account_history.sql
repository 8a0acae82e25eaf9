-- When a customer upgraded is told, from and to which plan is not: the day itself is an attribute, null before it came.
SELECT customer_id AS account_id, 'upgraded_on' AS field, upgrade_date AS value, upgrade_date AS "at"
FROM customers
WHERE upgrade_date IS NOT NULL
