-- Customers. Their churn flag is kept as an attribute, not believed: it contradicts the dated churn events. `churned_at` is
-- what holds at the end of the data (account_history has every departure and return): the latest churn event, unless a
-- subscription starts after it. The tier of service follows the plan that the account signed up for.
WITH latest AS (
    SELECT account_id, arg_max(reason_code, (churn_date, churn_event_id)) AS reason, max(churn_date) AS churned
    FROM ravenstack_churn_events
    GROUP BY account_id
),
newest AS (
    SELECT account_id, max(start_date) AS started FROM ravenstack_subscriptions GROUP BY account_id
)
SELECT
    a.account_id AS id,
    a.account_name AS name,
    a.industry,
    a.country AS region,
    a.signup_date AS created_at,
    a.plan_tier AS plan,        -- subscriptions, where there are any, come before these two
    a.seats,
    a.plan_tier AS tier,        -- a number, by columns.yaml
    CASE WHEN n.started IS NULL OR n.started <= l.churned THEN l.churned END AS churned_at,
    CASE WHEN n.started IS NULL OR n.started <= l.churned THEN l.reason END AS churn_reason,
    a.referral_source,
    a.is_trial AS signed_up_as_trial,
    a.churn_flag
FROM ravenstack_accounts AS a
LEFT JOIN latest AS l USING (account_id)
LEFT JOIN newest AS n USING (account_id)
