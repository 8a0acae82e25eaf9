WITH "universe" AS (SELECT "f"."account_key", "f"."feature", "a"."id" AS "account_id", "a"."created_at" AS "account_born", "f"."first_at" AS "feature_born"
FROM (SELECT "e"."account_key", "e"."feature", MIN("e"."at") AS "first_at"
FROM "events" AS "e"
WHERE NOT "e"."feature" IS NULL AND "e"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)
GROUP BY "e"."account_key", "e"."feature") AS f
JOIN "accounts" AS "a" ON "a"."key" = "f"."account_key"
WHERE NOT "a"."left_out"),
"g0" AS (SELECT "r"."account_key" AS "account_key", "r"."feature" AS "feature", CAST(COUNT(CASE WHEN "r"."at" > CAST('2026-03-24 12:00:00' AS TIMESTAMP) THEN 1 END) AS DOUBLE) AS "c0"
FROM "events" AS "r"
WHERE (NOT "r"."feature" IS NULL AND "r"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AND "r"."at" > CAST('2026-03-24 12:00:00' AS TIMESTAMP)
GROUP BY "r"."account_key", "r"."feature") SELECT *
FROM (SELECT "u"."account_id", "u"."feature", COALESCE("g0"."c0", CAST('0.0' AS DOUBLE)) AS "f0", "u"."feature" AS "f1"
FROM "universe" AS "u"
LEFT JOIN "g0" ON "g0"."account_key" = "u"."account_key" AND "g0"."feature" = "u"."feature"
WHERE ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AND "u"."feature_born" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AS answer
ORDER BY "answer"."account_id", "answer"."feature"
