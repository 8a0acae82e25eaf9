WITH "universe" AS (SELECT "a"."key" AS "account_key", "a"."id" AS "subject_id", "a"."created_at" AS "account_born"
FROM "accounts" AS "a"
WHERE NOT "a"."left_out"),
"account_0_past" AS (SELECT "y"."key", MAX(CASE WHEN "y"."field" = 'renews_on' THEN "y"."value" END) AS "renews_on.v", BOOL_OR(CAST("y"."field" = 'renews_on' AS BOOLEAN)) AS "renews_on.h"
FROM (SELECT "x"."key", "x"."field", ARG_MAX("x"."value", "x"."at") FILTER(WHERE "x"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AS "value"
FROM "account_timeline" AS "x"
WHERE "x"."field" IN ('renews_on')
GROUP BY "x"."key", "x"."field") AS y
GROUP BY "y"."key"),
"account_0" AS (SELECT "e"."key", CASE WHEN COALESCE("h"."renews_on.h", FALSE) THEN TRY_CAST(NULLIF("h"."renews_on.v", '') AS DATE) ELSE "e"."renews_on" END AS "renews_on.value"
FROM "accounts" AS "e"
LEFT JOIN "account_0_past" AS "h" ON "h"."key" = "e"."key"),
"person_1_past" AS (SELECT "y"."key", MAX(CASE WHEN "y"."field" = 'deleted_at' THEN "y"."value" END) AS "deleted_at.v", BOOL_OR(CAST("y"."field" = 'deleted_at' AS BOOLEAN)) AS "deleted_at.h"
FROM (SELECT "x"."key", "x"."field", ARG_MAX("x"."value", "x"."at") FILTER(WHERE "x"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AS "value"
FROM "person_timeline" AS "x"
WHERE "x"."field" IN ('deleted_at')
GROUP BY "x"."key", "x"."field") AS y
GROUP BY "y"."key"),
"person_1" AS (SELECT "e"."key", "e"."account_key", "e"."id", "e"."left_out", "e"."created_at" AS "created_at$", CASE WHEN (CASE WHEN COALESCE("h"."deleted_at.h", FALSE) THEN TRY_CAST(NULLIF("h"."deleted_at.v", '') AS TIMESTAMP) ELSE "e"."deleted_at" END) <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) THEN CASE WHEN COALESCE("h"."deleted_at.h", FALSE) THEN TRY_CAST(NULLIF("h"."deleted_at.v", '') AS TIMESTAMP) ELSE "e"."deleted_at" END END AS "deleted_at.value"
FROM "people" AS "e"
LEFT JOIN "person_1_past" AS "h" ON "h"."key" = "e"."key"),
"g0" AS (SELECT "r"."account_key" AS "account_key", SUM(("r"."amount") * "r"."rate$") AS "c0"
FROM (SELECT "r".*, CASE WHEN "r"."currency" IS NULL OR "r"."currency" = 'EUR' THEN CAST('1.0' AS DOUBLE) ELSE COALESCE("fx"."rate", "first"."rate", CAST('1.0' AS DOUBLE)) END AS "rate$"
FROM "invoices" AS "r"
ASOF LEFT JOIN "rates" AS "fx" ON "r"."currency" = "fx"."currency" AND "r"."issued_on" >= "fx"."on"
LEFT JOIN (SELECT "f"."currency", ARG_MIN("f"."rate", "f"."on") AS "rate"
FROM "rates" AS "f"
GROUP BY "f"."currency") AS first ON "first"."currency" = "r"."currency") AS r
WHERE "r"."issued_on" <= CAST('2026-03-31' AS DATE)
GROUP BY "r"."account_key"),
"g1_tall" AS (SELECT "r"."account_key" AS "account_key", COUNT(*) AS "m0"
FROM "events" AS "r"
WHERE ("r"."person_key" IS NULL OR NOT "r"."person_key" IN (SELECT "lo"."key"
FROM "people" AS "lo"
WHERE "lo"."left_out")) AND "r"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)
GROUP BY 1),
"g1" AS (SELECT "p"."account_key", CAST(SUM("p"."m0") AS DOUBLE) AS "c0"
FROM "g1_tall" AS "p"
GROUP BY "p"."account_key"),
"g2" AS (SELECT "r"."account_key" AS "account_key", CAST(COUNT(CASE WHEN ("r"."deleted_at.value" IS NULL) THEN 1 END) AS DOUBLE) AS "c0"
FROM "person_1" AS "r"
WHERE (("r"."created_at$" IS NULL OR "r"."created_at$" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AND NOT "r"."left_out") AND ("r"."deleted_at.value" IS NULL)
GROUP BY "r"."account_key") SELECT *
FROM (SELECT "u"."subject_id", COALESCE("g0"."c0", CAST('0.0' AS DOUBLE)) AS "f0", COALESCE("g1"."c0", CAST('0.0' AS DOUBLE)) AS "f1", ((FLOOR((CAST((CAST('2026-03-31' AS DATE) - CAST('1970-01-05' AS DATE)) AS DOUBLE) + CAST('1.0' AS DOUBLE)) / CAST('7.0' AS DOUBLE)) * CAST('5.0' AS DOUBLE) + CASE WHEN ((CAST((CAST('2026-03-31' AS DATE) - CAST('1970-01-05' AS DATE)) AS DOUBLE) + CAST('1.0' AS DOUBLE)) - FLOOR((CAST((CAST('2026-03-31' AS DATE) - CAST('1970-01-05' AS DATE)) AS DOUBLE) + CAST('1.0' AS DOUBLE)) / CAST('7.0' AS DOUBLE)) * CAST('7.0' AS DOUBLE)) IS NULL OR CAST('5.0' AS DOUBLE) IS NULL THEN NULL ELSE LEAST(((CAST((CAST('2026-03-31' AS DATE) - CAST('1970-01-05' AS DATE)) AS DOUBLE) + CAST('1.0' AS DOUBLE)) - FLOOR((CAST((CAST('2026-03-31' AS DATE) - CAST('1970-01-05' AS DATE)) AS DOUBLE) + CAST('1.0' AS DOUBLE)) / CAST('7.0' AS DOUBLE)) * CAST('7.0' AS DOUBLE)), CAST('5.0' AS DOUBLE)) END) - (FLOOR((CAST((("account_0"."renews_on.value") - CAST('1970-01-05' AS DATE)) AS DOUBLE) + CAST('1.0' AS DOUBLE)) / CAST('7.0' AS DOUBLE)) * CAST('5.0' AS DOUBLE) + CASE WHEN ((CAST((("account_0"."renews_on.value") - CAST('1970-01-05' AS DATE)) AS DOUBLE) + CAST('1.0' AS DOUBLE)) - FLOOR((CAST((("account_0"."renews_on.value") - CAST('1970-01-05' AS DATE)) AS DOUBLE) + CAST('1.0' AS DOUBLE)) / CAST('7.0' AS DOUBLE)) * CAST('7.0' AS DOUBLE)) IS NULL OR CAST('5.0' AS DOUBLE) IS NULL THEN NULL ELSE LEAST(((CAST((("account_0"."renews_on.value") - CAST('1970-01-05' AS DATE)) AS DOUBLE) + CAST('1.0' AS DOUBLE)) - FLOOR((CAST((("account_0"."renews_on.value") - CAST('1970-01-05' AS DATE)) AS DOUBLE) + CAST('1.0' AS DOUBLE)) / CAST('7.0' AS DOUBLE)) * CAST('7.0' AS DOUBLE)), CAST('5.0' AS DOUBLE)) END) - CASE WHEN ("account_0"."renews_on.value") < CAST('2026-01-01' AS DATE) AND CAST('2026-01-01' AS DATE) <= CAST('2026-03-31' AS DATE) THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END) AS "f2", COALESCE("g2"."c0", CAST('0.0' AS DOUBLE)) AS "f3"
FROM "universe" AS "u"
LEFT JOIN "g0" ON "g0"."account_key" = "u"."account_key"
LEFT JOIN "g1" ON "g1"."account_key" = "u"."account_key"
LEFT JOIN "account_0" ON "account_0"."key" = "u"."account_key"
LEFT JOIN "g2" ON "g2"."account_key" = "u"."account_key"
WHERE ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP))) AS answer
ORDER BY "answer"."subject_id"
