SELECT
    event_id AS id,
    customer_id AS account_id,
    event_type AS name,
    "timestamp" AS "at",
    'feature' AS kind,
    event_type AS feature,
    json_object('adoption', feature_adoption_score) AS properties
FROM usage_events
