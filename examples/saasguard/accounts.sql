-- The tier of service follows the plan.
SELECT
    customer_id AS id,
    'Customer ' || left(customer_id, 8) AS name,
    industry,
    plan_tier AS plan,
    plan_tier AS tier,          -- a number, by columns.yaml
    mrr,
    signup_date AS created_at,
    churn_date AS churned_at
FROM customers
