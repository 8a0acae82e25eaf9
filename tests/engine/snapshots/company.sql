WITH "holdings" AS (SELECT "a"."key" AS "account_key", 'company' AS "subject_id", COALESCE("a"."created_at", CAST('0001-01-02 00:00:00' AS TIMESTAMP)) AS "since$", CAST(NULL AS TIMESTAMP) AS "until$"
FROM "accounts" AS "a"
WHERE NOT "a"."left_out"),
"universe" AS (SELECT 'company' AS "subject_id", CAST(NULL AS TIMESTAMP) AS "subject_born"),
"accounts_held" AS (SELECT "r".*, "h"."subject_id", "h"."since$", "h"."until$"
FROM (SELECT "a"."key" AS "account_key", "a"."id", "a"."created_at"
FROM "accounts" AS "a") AS r
JOIN "holdings" AS "h" ON "h"."account_key" = "r"."account_key"),
"g0" AS (SELECT "r"."subject_id" AS "subject_id", CAST(COUNT(CASE WHEN "r"."created_at" > CAST('2026-03-01 12:00:00' AS TIMESTAMP) THEN 1 END) AS DOUBLE) AS "c0"
FROM "accounts_held" AS "r"
WHERE (("r"."created_at" IS NULL OR "r"."created_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AND ("r"."since$" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND ("r"."until$" IS NULL OR "r"."until$" > CAST('2026-03-31 12:00:00' AS TIMESTAMP)))) AND "r"."created_at" > CAST('2026-03-01 12:00:00' AS TIMESTAMP)
GROUP BY "r"."subject_id"),
"tasks_held" AS (SELECT "r".*, 'company' AS "subject_id"
FROM "tasks" AS "r"
LEFT JOIN "accounts" AS "a" ON "a"."key" = "r"."account_key"
WHERE NOT COALESCE("a"."left_out", FALSE)),
"g1" AS (SELECT "r"."subject_id" AS "subject_id", CAST(COUNT(*) AS DOUBLE) AS "c0"
FROM "tasks_held" AS "r"
WHERE "r"."created_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)
GROUP BY "r"."subject_id"),
"g2" AS (SELECT "r"."subject_id" AS "subject_id", CAST(COUNT(CASE WHEN "r"."created_at" > CAST('2026-02-22 12:00:00' AS TIMESTAMP) THEN 1 END) AS DOUBLE) AS "c0"
FROM "accounts_held" AS "r"
WHERE (("r"."created_at" IS NULL OR "r"."created_at" <= CAST('2026-03-24 12:00:00' AS TIMESTAMP)) AND ("r"."since$" <= CAST('2026-03-24 12:00:00' AS TIMESTAMP) AND ("r"."until$" IS NULL OR "r"."until$" > CAST('2026-03-24 12:00:00' AS TIMESTAMP)))) AND "r"."created_at" > CAST('2026-02-22 12:00:00' AS TIMESTAMP)
GROUP BY "r"."subject_id"),
"g3" AS (SELECT "r"."subject_id" AS "subject_id", CAST(COUNT(*) AS DOUBLE) AS "c0"
FROM "tasks_held" AS "r"
WHERE "r"."created_at" <= CAST('2026-03-24 12:00:00' AS TIMESTAMP)
GROUP BY "r"."subject_id") SELECT *
FROM (SELECT "u"."subject_id", CAST('2026-03-31 12:00:00' AS TIMESTAMP) AS "moment", COALESCE("g0"."c0", CAST('0.0' AS DOUBLE)) AS "f0", COALESCE("g1"."c0", CAST('0.0' AS DOUBLE)) AS "f1", CAST(NULL AS DOUBLE) AS "f2"
FROM "universe" AS "u"
LEFT JOIN "g0" ON "g0"."subject_id" = "u"."subject_id"
LEFT JOIN "g1" ON "g1"."subject_id" = "u"."subject_id"
WHERE TRUE
UNION ALL SELECT "u"."subject_id", CAST('2026-03-24 12:00:00' AS TIMESTAMP) AS "moment", COALESCE("g2"."c0", CAST('0.0' AS DOUBLE)) AS "f0", COALESCE("g3"."c0", CAST('0.0' AS DOUBLE)) AS "f1", CAST(NULL AS DOUBLE) AS "f2"
FROM "universe" AS "u"
LEFT JOIN "g2" ON "g2"."subject_id" = "u"."subject_id"
LEFT JOIN "g3" ON "g3"."subject_id" = "u"."subject_id"
WHERE TRUE) AS answer
ORDER BY "answer"."subject_id", "answer"."moment"
