SELECT
    subscription_id AS id,
    account_id,
    plan_tier AS plan,
    seats,
    mrr_amount AS mrr,
    start_date AS starts_on,
    end_date AS ended_on,
    billing_frequency AS billing_period,
    auto_renew_flag AS auto_renew
FROM ravenstack_subscriptions
