-- How often a feature was used on a day: the usage rows hold totals.
SELECT
    u.usage_id || CASE n WHEN 1 THEN '' ELSE '-' || n END AS id,
    s.account_id,
    'feature_uses' AS name,
    u.usage_date AS "at",
    u.usage_count AS value
FROM (
    SELECT *, row_number() OVER (PARTITION BY usage_id ORDER BY usage_date, subscription_id) AS n
    FROM ravenstack_feature_usage
) AS u
LEFT JOIN ravenstack_subscriptions AS s USING (subscription_id)
