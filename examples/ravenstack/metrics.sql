-- The usage rows hold totals of a day: how often a feature was used, and how many errors were met at that.
WITH usage AS (
    SELECT u.*, s.account_id, usage_id || CASE n WHEN 1 THEN '' ELSE '-' || n END AS id
    FROM (
        SELECT *, row_number() OVER (PARTITION BY usage_id ORDER BY usage_date, subscription_id) AS n
        FROM ravenstack_feature_usage
    ) AS u
    LEFT JOIN ravenstack_subscriptions AS s USING (subscription_id)
)
SELECT id, account_id, 'feature_uses' AS name, usage_date AS "at", usage_count AS value FROM usage
UNION ALL
SELECT id || '-errors', account_id, 'feature_errors', usage_date, error_count FROM usage WHERE error_count != '0'
