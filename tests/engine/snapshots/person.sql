WITH "universe" AS (SELECT "p"."key" AS "person_key", "p"."account_key", "p"."id" AS "subject_id", "a"."created_at" AS "account_born", "p"."created_at" AS "person_born", "p"."deleted_at" AS "person_gone"
FROM "people" AS "p"
JOIN "accounts" AS "a" ON "a"."key" = "p"."account_key"
WHERE NOT "a"."left_out"),
"person_0_past" AS (SELECT "y"."key", MAX(CASE WHEN "y"."field" = 'deleted_at' THEN "y"."value" END) AS "deleted_at.v", BOOL_OR(CAST("y"."field" = 'deleted_at' AS BOOLEAN)) AS "deleted_at.h", MAX(CASE WHEN "y"."field" = 'role' THEN "y"."value" END) AS "role.v", BOOL_OR(CAST("y"."field" = 'role' AS BOOLEAN)) AS "role.h"
FROM (SELECT "x"."key", "x"."field", ARG_MAX("x"."value", "x"."at") FILTER(WHERE "x"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AS "value"
FROM "person_timeline" AS "x"
WHERE "x"."field" IN ('deleted_at', 'role')
GROUP BY "x"."key", "x"."field") AS y
GROUP BY "y"."key"),
"person_0" AS (SELECT "e"."key", "e"."account_key", "e"."id", "e"."left_out", "e"."created_at" AS "created_at$", CASE WHEN COALESCE("h"."role.h", FALSE) THEN NULLIF("h"."role.v", '') ELSE "e"."role" END AS "role.value", CASE WHEN (CASE WHEN COALESCE("h"."deleted_at.h", FALSE) THEN TRY_CAST(NULLIF("h"."deleted_at.v", '') AS TIMESTAMP) ELSE "e"."deleted_at" END) <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) THEN CASE WHEN COALESCE("h"."deleted_at.h", FALSE) THEN TRY_CAST(NULLIF("h"."deleted_at.v", '') AS TIMESTAMP) ELSE "e"."deleted_at" END END AS "deleted_at.value"
FROM "people" AS "e"
LEFT JOIN "person_0_past" AS "h" ON "h"."key" = "e"."key"),
"account_1_past" AS (SELECT "y"."key", MAX(CASE WHEN "y"."field" = 'tier' THEN "y"."value" END) AS "tier.v", BOOL_OR(CAST("y"."field" = 'tier' AS BOOLEAN)) AS "tier.h"
FROM (SELECT "x"."key", "x"."field", ARG_MAX("x"."value", "x"."at") FILTER(WHERE "x"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AS "value"
FROM "account_timeline" AS "x"
WHERE "x"."field" IN ('tier')
GROUP BY "x"."key", "x"."field") AS y
GROUP BY "y"."key"),
"account_1" AS (SELECT "e"."key", CASE WHEN COALESCE("h"."tier.h", FALSE) THEN TRY_CAST(NULLIF("h"."tier.v", '') AS DOUBLE) ELSE TRY_CAST("e"."tier" AS DOUBLE) END AS "tier.value"
FROM "accounts" AS "e"
LEFT JOIN "account_1_past" AS "h" ON "h"."key" = "e"."key"),
"g0" AS (SELECT "r"."person_key" AS "person_key", CAST(COUNT(CASE WHEN "r"."at" > CAST('2026-03-24 12:00:00' AS TIMESTAMP) THEN 1 END) AS DOUBLE) AS "c0"
FROM "events" AS "r"
WHERE "r"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-03-24 12:00:00' AS TIMESTAMP)
GROUP BY "r"."person_key") SELECT *
FROM (SELECT "u"."subject_id", COALESCE("g0"."c0", CAST('0.0' AS DOUBLE)) AS "f0", "person_0"."role.value" AS "f1", "account_1"."tier.value" AS "f2"
FROM "universe" AS "u"
LEFT JOIN "g0" ON "g0"."person_key" = "u"."person_key"
LEFT JOIN "person_0" ON "person_0"."key" = "u"."person_key"
LEFT JOIN "account_1" ON "account_1"."key" = "u"."account_key"
WHERE ((("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AND ("u"."person_born" IS NULL OR "u"."person_born" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP))) AND NOT COALESCE("u"."person_gone" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP), FALSE)) AND (("person_0"."deleted_at.value") IS NULL)) AS answer
ORDER BY "answer"."subject_id"
