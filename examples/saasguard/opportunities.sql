-- When an opportunity was opened is not told. It is taken to appear on its closing day, so that nothing is seen too early.
SELECT
    opp_id AS id,
    customer_id AS account_id,
    opportunity_type AS kind,
    amount,
    sales_owner AS owner,
    stage,
    close_date AS expected_on,
    close_date AS opened_at,
    CASE WHEN stage LIKE 'closed_%' THEN close_date END AS closed_at,
    CASE stage WHEN 'closed_won' THEN 'won' WHEN 'closed_lost' THEN 'lost' END AS outcome
FROM gtm_opportunities
