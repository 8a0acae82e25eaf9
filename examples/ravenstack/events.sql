-- Usage, whose account comes by its subscription, and the churn events. 21 usage ids are used twice for different rows:
-- the second one gets a suffix, so that neither is lost. Rows dated before their subscription began stay as they are.
WITH usage AS (
    SELECT
        u.usage_id || CASE n WHEN 1 THEN '' ELSE '-' || n END AS id,
        s.account_id,
        'feature used' AS name,
        u.usage_date AS "at",
        'feature' AS kind,
        u.feature_name AS feature,
        -- What is no number is handed on as it is, so that the import rejects that row alone and says why.
        coalesce(CAST(TRY_CAST(u.usage_duration_secs AS DOUBLE) / 60 AS VARCHAR), u.usage_duration_secs) AS "minutes",
        json_object(
            'uses', TRY_CAST(u.usage_count AS INTEGER),
            'errors', TRY_CAST(u.error_count AS INTEGER),
            'beta', lower(u.is_beta_feature) = 'true'
        ) AS properties
    FROM (
        SELECT *, row_number() OVER (PARTITION BY usage_id ORDER BY usage_date, subscription_id) AS n
        FROM ravenstack_feature_usage
    ) AS u
    LEFT JOIN ravenstack_subscriptions AS s USING (subscription_id)
)
SELECT * FROM usage
UNION ALL
SELECT
    churn_event_id,
    account_id,
    'churn reported',
    churn_date,
    'other',
    NULL,
    NULL,
    json_object(
        'reason', reason_code,
        'refund', TRY_CAST(refund_amount_usd AS DOUBLE),
        'reactivation', lower(is_reactivation) = 'true',
        'feedback', feedback_text
    )
FROM ravenstack_churn_events
