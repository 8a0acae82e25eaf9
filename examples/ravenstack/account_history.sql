-- Departures and returns. An account has churned from a churn event on, until the next subscription that starts on a later
-- day. An empty value says that the attribute became null. Without this, a return in June would hide a departure in May
-- from every question about the time between.
WITH departures AS (
    SELECT account_id, churn_date AS day, arg_max(reason_code, churn_event_id) AS reason
    FROM ravenstack_churn_events
    GROUP BY account_id, churn_date
),
returns AS (
    SELECT DISTINCT d.account_id, min(s.start_date) AS day
    FROM departures AS d
    JOIN ravenstack_subscriptions AS s ON s.account_id = d.account_id AND s.start_date > d.day
    GROUP BY d.account_id, d.day
),
turns AS (
    SELECT account_id, day, day AS churned_at, reason AS churn_reason FROM departures
    UNION ALL
    SELECT account_id, day, '', '' FROM returns ANTI JOIN departures USING (account_id, day)
)
SELECT account_id, 'churned_at' AS field, churned_at AS value, day AS "at" FROM turns
UNION ALL
SELECT account_id, 'churn_reason', churn_reason, day FROM turns
