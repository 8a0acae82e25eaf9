WITH "universe" AS (SELECT "a"."key" AS "account_key", "a"."id" AS "subject_id", "a"."created_at" AS "account_born"
FROM "accounts" AS "a"
WHERE NOT "a"."left_out"),
"account_0_past" AS (SELECT "y"."key", MAX(CASE WHEN "y"."field" = 'created_at' THEN "y"."value" END) AS "created_at.v", BOOL_OR(CAST("y"."field" = 'created_at' AS BOOLEAN)) AS "created_at.h"
FROM (SELECT "x"."key", "x"."field", ARG_MAX("x"."value", "x"."at") FILTER(WHERE "x"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AS "value"
FROM "account_timeline" AS "x"
WHERE "x"."field" IN ('created_at')
GROUP BY "x"."key", "x"."field") AS y
GROUP BY "y"."key"),
"account_0" AS (SELECT "e"."key", CASE WHEN COALESCE("h"."created_at.h", FALSE) THEN TRY_CAST(NULLIF("h"."created_at.v", '') AS TIMESTAMP) ELSE "e"."created_at" END AS "created_at.value"
FROM "accounts" AS "e"
LEFT JOIN "account_0_past" AS "h" ON "h"."key" = "e"."key"),
"account_1_past" AS (SELECT "y"."key", MAX(CASE WHEN "y"."field" = 'created_at' THEN "y"."value" END) AS "created_at.v", BOOL_OR(CAST("y"."field" = 'created_at' AS BOOLEAN)) AS "created_at.h"
FROM (SELECT "x"."key", "x"."field", ARG_MAX("x"."value", "x"."at") FILTER(WHERE "x"."at" <= CAST('2026-03-24 12:00:00' AS TIMESTAMP)) AS "value"
FROM "account_timeline" AS "x"
WHERE "x"."field" IN ('created_at')
GROUP BY "x"."key", "x"."field") AS y
GROUP BY "y"."key"),
"account_1" AS (SELECT "e"."key", CASE WHEN COALESCE("h"."created_at.h", FALSE) THEN TRY_CAST(NULLIF("h"."created_at.v", '') AS TIMESTAMP) ELSE "e"."created_at" END AS "created_at.value"
FROM "accounts" AS "e"
LEFT JOIN "account_1_past" AS "h" ON "h"."key" = "e"."key"),
"g0_tall" AS (SELECT "r"."account_key" AS "account_key", 0 AS "place$", COUNT(*) AS "m0", CASE WHEN FALSE THEN SUM("r"."minutes") END AS "m1", CASE WHEN FALSE THEN COUNT("r"."minutes") END AS "m2"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-01-30 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-01-23 12:00:00' AS TIMESTAMP)) AND (("r"."kind") = ('feature'))
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 1 AS "place$", COUNT(*) AS "m0", CASE WHEN FALSE THEN SUM("r"."minutes") END AS "m1", CASE WHEN FALSE THEN COUNT("r"."minutes") END AS "m2"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-02-22 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-01-30 12:00:00' AS TIMESTAMP)) AND (("r"."kind") = ('feature'))
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 2 AS "place$", COUNT(*) AS "m0", CASE WHEN FALSE THEN SUM("r"."minutes") END AS "m1", CASE WHEN FALSE THEN COUNT("r"."minutes") END AS "m2"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-03-01 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-02-22 12:00:00' AS TIMESTAMP)) AND (("r"."kind") = ('feature'))
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 3 AS "place$", COUNT(*) AS "m0", CASE WHEN FALSE THEN SUM("r"."minutes") END AS "m1", CASE WHEN FALSE THEN COUNT("r"."minutes") END AS "m2"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-03-17 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-03-01 12:00:00' AS TIMESTAMP)) AND (("r"."kind") = ('feature'))
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 4 AS "place$", COUNT(CASE WHEN (("r"."kind") = ('feature')) THEN 1 END) AS "m0", SUM("r"."minutes") AS "m1", COUNT("r"."minutes") AS "m2"
FROM "events" AS "r"
WHERE "r"."at" <= CAST('2026-03-24 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-03-17 12:00:00' AS TIMESTAMP)
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 5 AS "place$", COUNT(CASE WHEN (("r"."kind") = ('feature')) THEN 1 END) AS "m0", SUM("r"."minutes") AS "m1", COUNT("r"."minutes") AS "m2"
FROM "events" AS "r"
WHERE "r"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-03-24 12:00:00' AS TIMESTAMP)
GROUP BY "r"."account_key"),
"g0" AS (SELECT "p"."account_key", CAST(SUM(CASE WHEN "p"."place$" >= 3 THEN "p"."m0" END) AS DOUBLE) AS "c0", CAST(SUM(CASE WHEN "p"."place$" >= 1 AND "p"."place$" < 3 THEN "p"."m0" END) AS DOUBLE) AS "c1", SUM(CASE WHEN "p"."place$" >= 5 THEN "p"."m1" END) / NULLIF(CAST(SUM(CASE WHEN "p"."place$" >= 5 THEN "p"."m2" END) AS DOUBLE), CAST('0.0' AS DOUBLE)) AS "c2", CAST(SUM(CASE WHEN "p"."place$" >= 2 AND "p"."place$" < 5 THEN "p"."m0" END) AS DOUBLE) AS "c3", CAST(SUM(CASE WHEN "p"."place$" < 2 THEN "p"."m0" END) AS DOUBLE) AS "c4", SUM(CASE WHEN "p"."place$" >= 4 AND "p"."place$" < 5 THEN "p"."m1" END) / NULLIF(CAST(SUM(CASE WHEN "p"."place$" >= 4 AND "p"."place$" < 5 THEN "p"."m2" END) AS DOUBLE), CAST('0.0' AS DOUBLE)) AS "c5"
FROM "g0_tall" AS "p"
GROUP BY "p"."account_key"),
"g1_tall" AS (SELECT "r"."account_key" AS "account_key", 0 AS "place$", MAX("r"."at") AS "m0"
FROM "events" AS "r"
WHERE "r"."at" <= CAST('2026-03-24 12:00:00' AS TIMESTAMP)
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 1 AS "place$", MAX("r"."at") AS "m0"
FROM "events" AS "r"
WHERE "r"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-03-24 12:00:00' AS TIMESTAMP)
GROUP BY "r"."account_key"),
"g1" AS (SELECT "p"."account_key", MAX("p"."m0") AS "c0", MAX(CASE WHEN "p"."place$" < 1 THEN "p"."m0" END) AS "c1"
FROM "g1_tall" AS "p"
GROUP BY "p"."account_key") SELECT *
FROM (SELECT "u"."subject_id", CAST('2026-03-31 12:00:00' AS TIMESTAMP) AS "moment", CASE WHEN NOT (COALESCE((CASE WHEN ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-01 12:00:00' AS TIMESTAMP)) THEN COALESCE("g0"."c1", CAST('0.0' AS DOUBLE)) END) < (CAST('100.0' AS DOUBLE)), FALSE)) THEN ((COALESCE("g0"."c0", CAST('0.0' AS DOUBLE))) - (CASE WHEN ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-01 12:00:00' AS TIMESTAMP)) THEN COALESCE("g0"."c1", CAST('0.0' AS DOUBLE)) END)) / NULLIF((CASE WHEN ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-01 12:00:00' AS TIMESTAMP)) THEN COALESCE("g0"."c1", CAST('0.0' AS DOUBLE)) END), CAST('0.0' AS DOUBLE)) END AS "f0", "g0"."c2" AS "f1", COALESCE((CAST((EPOCH_US(CAST('2026-03-31 12:00:00' AS TIMESTAMP)) - EPOCH_US(("g1"."c0"))) AS DOUBLE) / CAST('86400000000.0' AS DOUBLE)), (CAST((EPOCH_US(CAST('2026-03-31 12:00:00' AS TIMESTAMP)) - EPOCH_US(("account_0"."created_at.value"))) AS DOUBLE) / CAST('86400000000.0' AS DOUBLE))) AS "f2"
FROM "universe" AS "u"
LEFT JOIN "g0" ON "g0"."account_key" = "u"."account_key"
LEFT JOIN "g1" ON "g1"."account_key" = "u"."account_key"
LEFT JOIN "account_0" ON "account_0"."key" = "u"."account_key"
WHERE ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP))
UNION ALL SELECT "u"."subject_id", CAST('2026-03-24 12:00:00' AS TIMESTAMP) AS "moment", CASE WHEN NOT (COALESCE((CASE WHEN ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-02-22 12:00:00' AS TIMESTAMP)) THEN COALESCE("g0"."c4", CAST('0.0' AS DOUBLE)) END) < (CAST('100.0' AS DOUBLE)), FALSE)) THEN ((COALESCE("g0"."c3", CAST('0.0' AS DOUBLE))) - (CASE WHEN ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-02-22 12:00:00' AS TIMESTAMP)) THEN COALESCE("g0"."c4", CAST('0.0' AS DOUBLE)) END)) / NULLIF((CASE WHEN ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-02-22 12:00:00' AS TIMESTAMP)) THEN COALESCE("g0"."c4", CAST('0.0' AS DOUBLE)) END), CAST('0.0' AS DOUBLE)) END AS "f0", "g0"."c5" AS "f1", COALESCE((CAST((EPOCH_US(CAST('2026-03-24 12:00:00' AS TIMESTAMP)) - EPOCH_US(("g1"."c1"))) AS DOUBLE) / CAST('86400000000.0' AS DOUBLE)), (CAST((EPOCH_US(CAST('2026-03-24 12:00:00' AS TIMESTAMP)) - EPOCH_US(("account_1"."created_at.value"))) AS DOUBLE) / CAST('86400000000.0' AS DOUBLE))) AS "f2"
FROM "universe" AS "u"
LEFT JOIN "g0" ON "g0"."account_key" = "u"."account_key"
LEFT JOIN "g1" ON "g1"."account_key" = "u"."account_key"
LEFT JOIN "account_1" ON "account_1"."key" = "u"."account_key"
WHERE ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-24 12:00:00' AS TIMESTAMP))) AS answer
ORDER BY "answer"."subject_id", "answer"."moment"
