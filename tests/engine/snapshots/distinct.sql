WITH "universe" AS (SELECT "a"."key" AS "account_key", "a"."id" AS "subject_id", "a"."created_at" AS "account_born"
FROM "accounts" AS "a"
WHERE NOT "a"."left_out"),
"g0_values_of_people" AS (SELECT "r"."person_key" AS "value", MIN("r"."account_key") AS "account_key", MAX("r"."account_key") AS "other$", BOOL_OR(CAST("r"."at" > CAST('2026-03-01 12:00:00' AS TIMESTAMP) AS BOOLEAN)) AS "d0"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND NOT "r"."person_key" IS NULL) AND "r"."at" > CAST('2026-03-01 12:00:00' AS TIMESTAMP)
GROUP BY "r"."person_key"),
"g0_values" AS (SELECT "o"."account_key", "o"."d0"
FROM "g0_values_of_people" AS "o"
WHERE "o"."account_key" = "o"."other$"
UNION ALL SELECT "r"."account_key" AS "account_key", BOOL_OR(CAST("r"."at" > CAST('2026-03-01 12:00:00' AS TIMESTAMP) AS BOOLEAN)) AS "d0"
FROM "events" AS "r"
WHERE (("r"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND NOT "r"."person_key" IS NULL) AND "r"."at" > CAST('2026-03-01 12:00:00' AS TIMESTAMP)) AND "r"."person_key" IN (SELECT "o"."value"
FROM "g0_values_of_people" AS "o"
WHERE NOT "o"."account_key" = "o"."other$")
GROUP BY "r"."account_key", "r"."person_key"),
"g0" AS (SELECT "v"."account_key", CAST(COUNT(CASE WHEN "v"."d0" THEN 1 END) AS DOUBLE) AS "c0"
FROM "g0_values" AS "v"
GROUP BY "v"."account_key"),
"g1_values" AS (SELECT "r"."account_key" AS "account_key", BOOL_OR(CAST(TRUE AS BOOLEAN)) AS "d0"
FROM "events" AS "r"
WHERE "r"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND NOT "r"."feature" IS NULL
GROUP BY "r"."account_key", "r"."feature"),
"g1" AS (SELECT "v"."account_key", CAST(COUNT(CASE WHEN "v"."d0" THEN 1 END) AS DOUBLE) AS "c0"
FROM "g1_values" AS "v"
GROUP BY "v"."account_key") SELECT *
FROM (SELECT "u"."subject_id", COALESCE("g0"."c0", CAST('0.0' AS DOUBLE)) AS "f0", COALESCE("g1"."c0", CAST('0.0' AS DOUBLE)) AS "f1"
FROM "universe" AS "u"
LEFT JOIN "g0" ON "g0"."account_key" = "u"."account_key"
LEFT JOIN "g1" ON "g1"."account_key" = "u"."account_key"
WHERE ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP))) AS answer
ORDER BY "answer"."subject_id"
