WITH "universe" AS (SELECT "a"."key" AS "account_key", "a"."id" AS "subject_id", "a"."created_at" AS "account_born"
FROM "accounts" AS "a"
WHERE NOT "a"."left_out"),
"account_0_past" AS (SELECT "y"."key", MAX(CASE WHEN "y"."field" = 'created_at' THEN "y"."value" END) AS "created_at.v", BOOL_OR(CAST("y"."field" = 'created_at' AS BOOLEAN)) AS "created_at.h", MAX(CASE WHEN "y"."field" = 'onboarding_started_at' THEN "y"."value" END) AS "onboarding_started_at.v", BOOL_OR(CAST("y"."field" = 'onboarding_started_at' AS BOOLEAN)) AS "onboarding_started_at.h"
FROM (SELECT "x"."key", "x"."field", ARG_MAX("x"."value", "x"."at") FILTER(WHERE "x"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AS "value"
FROM "account_timeline" AS "x"
WHERE "x"."field" IN ('created_at', 'onboarding_started_at')
GROUP BY "x"."key", "x"."field") AS y
GROUP BY "y"."key"),
"account_0" AS (SELECT "e"."key", CASE WHEN COALESCE("h"."onboarding_started_at.h", FALSE) THEN TRY_CAST(NULLIF("h"."onboarding_started_at.v", '') AS TIMESTAMP) ELSE "e"."onboarding_started_at" END AS "onboarding_started_at.value", CASE WHEN COALESCE("h"."created_at.h", FALSE) THEN TRY_CAST(NULLIF("h"."created_at.v", '') AS TIMESTAMP) ELSE "e"."created_at" END AS "created_at.value"
FROM "accounts" AS "e"
LEFT JOIN "account_0_past" AS "h" ON "h"."key" = "e"."key"),
"g0_anchors" AS (SELECT "u"."account_key", "account_0"."onboarding_started_at.value" AS "x0", "account_0"."created_at.value" AS "x1"
FROM "universe" AS "u"
LEFT JOIN "account_0" ON "account_0"."key" = "u"."account_key"),
"g0" AS (SELECT "r"."account_key" AS "account_key", CAST(COUNT(CASE WHEN "r"."at" >= "an"."x0" AND "r"."at" < "an"."x0" + TO_MICROSECONDS(1209600000000) THEN 1 END) AS DOUBLE) AS "c0", COALESCE(COUNT(CASE WHEN "r"."at" >= "an"."x1" THEN 1 END), 0) > 0 AS "c1"
FROM "events" AS "r"
JOIN "g0_anchors" AS "an" ON "an"."account_key" = "r"."account_key"
WHERE ((NOT "an"."x0" IS NULL OR NOT "an"."x1" IS NULL) AND "r"."at" >= (SELECT LEAST(MIN("first"."x0"), MIN("first"."x1"))
FROM "g0_anchors" AS "first")) AND "r"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)
GROUP BY "r"."account_key") SELECT *
FROM (SELECT "u"."subject_id", CASE WHEN NOT "g0_anchors"."x0" IS NULL THEN COALESCE("g0"."c0", CAST('0.0' AS DOUBLE)) END AS "f0", CASE WHEN NOT "g0_anchors"."x1" IS NULL THEN COALESCE("g0"."c1", FALSE) END AS "f1"
FROM "universe" AS "u"
LEFT JOIN "g0" ON "g0"."account_key" = "u"."account_key"
LEFT JOIN "g0_anchors" ON "g0_anchors"."account_key" = "u"."account_key"
WHERE ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP))) AS answer
ORDER BY "answer"."subject_id"
