-- Every type of event is a feature in use, but for the limit that a customer ran into: there the product refused.
SELECT
    event_id AS id,
    customer_id AS account_id,
    event_type AS name,
    "timestamp" AS "at",
    CASE event_type WHEN 'feature_limit_hit' THEN 'error' WHEN 'report_view' THEN 'page' ELSE 'feature' END AS kind,
    CASE WHEN event_type != 'feature_limit_hit' THEN event_type END AS feature,
    json_object('adoption', feature_adoption_score) AS properties
FROM usage_events
