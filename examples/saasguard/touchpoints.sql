-- What came of an outreach became known later, nobody says when: it is left out.
SELECT
    outreach_id AS id,
    customer_id AS account_id,
    outreach_channel AS kind,
    contacted_date AS "at",
    'expansion outreach' AS subject
FROM expansion_outreach_log
