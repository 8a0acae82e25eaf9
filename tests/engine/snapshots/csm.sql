WITH "our_people" AS (SELECT *
FROM (SELECT "c".*, CASE WHEN CONTAINS("c"."email", '@') THEN LOWER("c"."email") ELSE "c"."email" END AS "address$", ROW_NUMBER() OVER (PARTITION BY CASE WHEN CONTAINS("c"."email", '@') THEN LOWER("c"."email") ELSE "c"."email" END
ORDER BY "c"."email") AS "number$"
FROM "csms" AS "c") AS w
WHERE "w"."number$" = 1),
"holdings" AS (SELECT "o"."key" AS "account_key", CASE WHEN CONTAINS("o"."who", '@') THEN LOWER("o"."who") ELSE "o"."who" END AS "subject_id", GREATEST(COALESCE("o"."since", CAST('0001-01-02 00:00:00' AS TIMESTAMP)), COALESCE("a"."created_at", CAST('0001-01-02 00:00:00' AS TIMESTAMP))) AS "since$", "o"."until" AS "until$"
FROM (SELECT "t"."key", NULLIF("t"."value", '') AS "who", "t"."at" AS "since", LEAD("t"."at") OVER (PARTITION BY "t"."key"
ORDER BY "t"."at") AS "until"
FROM "account_timeline" AS "t"
WHERE "t"."field" = 'owner'
UNION ALL SELECT "s"."key", "s"."owner" AS "who", CAST(NULL AS TIMESTAMP) AS "since", CAST(NULL AS TIMESTAMP) AS "until"
FROM "accounts" AS "s"
WHERE NOT "s"."key" IN (SELECT "t"."key"
FROM "account_timeline" AS "t"
WHERE "t"."field" = 'owner')) AS o
JOIN "accounts" AS "a" ON "a"."key" = "o"."key"
WHERE NOT "o"."who" IS NULL AND (NOT "a"."left_out" AND ("o"."until" IS NULL OR "o"."until" > GREATEST(COALESCE("o"."since", CAST('0001-01-02 00:00:00' AS TIMESTAMP)), COALESCE("a"."created_at", CAST('0001-01-02 00:00:00' AS TIMESTAMP)))))),
"spans" AS (SELECT "i"."subject_id", MIN("i"."since$") AS "since$", "i"."until$"
FROM (SELECT "h"."subject_id", "h"."since$", "h"."until$"
FROM "holdings" AS "h"
UNION ALL SELECT "k"."subject_id", COALESCE("k"."created_at", CAST('0001-01-02 00:00:00' AS TIMESTAMP)) AS "since$", CAST(NULL AS TIMESTAMP) AS "until$"
FROM (SELECT "r".*, CASE WHEN CONTAINS("r"."assignee", '@') THEN LOWER("r"."assignee") ELSE "r"."assignee" END AS "subject_id"
FROM "tasks" AS "r"
LEFT JOIN "accounts" AS "a" ON "a"."key" = "r"."account_key"
WHERE NOT COALESCE("a"."left_out", FALSE)) AS k) AS i
GROUP BY "i"."subject_id", "i"."until$"),
"universe" AS (SELECT "p"."subject_id", "p"."subject_born", COALESCE("op"."email", "p"."subject_id") AS "own.email", "op"."name" AS "own.name", "op"."team" AS "own.team", "op"."manager" AS "own.manager", "op"."role" AS "own.role", "op"."capacity" AS "own.capacity", "op"."churn_tolerance" AS "own.churn_tolerance", "op"."active" AS "own.active"
FROM (SELECT "s"."subject_id", MIN("s"."since$") AS "subject_born"
FROM "spans" AS "s"
GROUP BY "s"."subject_id") AS p
LEFT JOIN "our_people" AS "op" ON "op"."address$" = "p"."subject_id"),
"per_account" AS (WITH "universe" AS (SELECT "a"."key" AS "account_key", "a"."id" AS "subject_id", "a"."created_at" AS "account_born"
FROM "accounts" AS "a"
WHERE NOT "a"."left_out"),
"account_0_past" AS (SELECT "y"."key", MAX(CASE WHEN "y"."field" = 'mrr' THEN "y"."value" END) AS "mrr.v", BOOL_OR(CAST("y"."field" = 'mrr' AS BOOLEAN)) AS "mrr.h"
FROM (SELECT "x"."key", "x"."field", ARG_MAX("x"."value", "x"."at") FILTER(WHERE "x"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AS "value"
FROM "account_timeline" AS "x"
WHERE "x"."field" IN ('mrr')
GROUP BY "x"."key", "x"."field") AS y
GROUP BY "y"."key"),
"account_0" AS (SELECT "e"."key", CASE WHEN COALESCE("h"."mrr.h", FALSE) THEN TRY_CAST(NULLIF("h"."mrr.v", '') AS DOUBLE) ELSE "e"."mrr" END AS "mrr.value"
FROM "accounts" AS "e"
LEFT JOIN "account_0_past" AS "h" ON "h"."key" = "e"."key"),
"g0_tall" AS (SELECT "r"."account_key" AS "account_key", COUNT(*) AS "m0"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-03-01 12:00:00' AS TIMESTAMP)) AND ("r"."kind") = ('feature')
GROUP BY 1),
"g0" AS (SELECT "p"."account_key", CAST(SUM("p"."m0") AS DOUBLE) AS "c0"
FROM "g0_tall" AS "p"
GROUP BY "p"."account_key") SELECT "u"."account_key" AS "account_key", "u"."subject_id" AS "id", "u"."account_born" AS "created_at", COALESCE("g0"."c0", CAST('0.0' AS DOUBLE)) AS "a0", "account_0"."mrr.value" AS "a1"
FROM "universe" AS "u"
LEFT JOIN "g0" ON "g0"."account_key" = "u"."account_key"
LEFT JOIN "account_0" ON "account_0"."key" = "u"."account_key"),
"accounts_held" AS (SELECT "r".*, "h"."subject_id", "h"."since$", "h"."until$"
FROM "per_account" AS "r"
JOIN "holdings" AS "h" ON "h"."account_key" = "r"."account_key"),
"g0" AS (SELECT "r"."subject_id" AS "subject_id", CAST(COUNT(CASE WHEN (((("r"."a0") = (CAST('0.0' AS DOUBLE))) AND (("r"."a1") > ("u"."own.capacity")))) THEN 1 END) AS DOUBLE) AS "c0"
FROM "accounts_held" AS "r"
JOIN "universe" AS "u" ON "u"."subject_id" = "r"."subject_id"
WHERE (("r"."created_at" IS NULL OR "r"."created_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AND ("r"."since$" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND ("r"."until$" IS NULL OR "r"."until$" > CAST('2026-03-31 12:00:00' AS TIMESTAMP)))) AND (((("r"."a0") = (CAST('0.0' AS DOUBLE))) AND (("r"."a1") > ("u"."own.capacity"))))
GROUP BY "r"."subject_id"),
"g1" AS (SELECT "r"."subject_id" AS "subject_id", CAST(COUNT(*) AS DOUBLE) AS "c0"
FROM "accounts_held" AS "r"
WHERE ("r"."created_at" IS NULL OR "r"."created_at" <= CAST('2026-03-01 12:00:00' AS TIMESTAMP)) AND ("r"."since$" <= CAST('2026-03-01 12:00:00' AS TIMESTAMP) AND ("r"."until$" IS NULL OR "r"."until$" > CAST('2026-03-01 12:00:00' AS TIMESTAMP)))
GROUP BY "r"."subject_id"),
"tasks_held" AS (SELECT "r".*, CASE WHEN CONTAINS("r"."assignee", '@') THEN LOWER("r"."assignee") ELSE "r"."assignee" END AS "subject_id"
FROM "tasks" AS "r"
LEFT JOIN "accounts" AS "a" ON "a"."key" = "r"."account_key"
WHERE NOT COALESCE("a"."left_out", FALSE)),
"g2" AS (SELECT "r"."subject_id" AS "subject_id", CAST(COUNT(CASE WHEN (((CASE WHEN "r"."completed_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) THEN "r"."completed_at" END) IS NULL AND "r"."due_on" < CAST('2026-03-31' AS DATE))) THEN 1 END) AS DOUBLE) AS "c0"
FROM "tasks_held" AS "r"
WHERE "r"."created_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND (((CASE WHEN "r"."completed_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) THEN "r"."completed_at" END) IS NULL AND "r"."due_on" < CAST('2026-03-31' AS DATE)))
GROUP BY "r"."subject_id") SELECT *
FROM (SELECT "u"."subject_id", COALESCE("g0"."c0", CAST('0.0' AS DOUBLE)) AS "f0", CASE WHEN ("u"."subject_born" IS NULL OR "u"."subject_born" <= CAST('2026-03-01 12:00:00' AS TIMESTAMP)) THEN COALESCE("g1"."c0", CAST('0.0' AS DOUBLE)) END AS "f1", COALESCE("g2"."c0", CAST('0.0' AS DOUBLE)) AS "f2"
FROM "universe" AS "u"
LEFT JOIN "g0" ON "g0"."subject_id" = "u"."subject_id"
LEFT JOIN "g1" ON "g1"."subject_id" = "u"."subject_id"
LEFT JOIN "g2" ON "g2"."subject_id" = "u"."subject_id"
WHERE EXISTS(SELECT 1
FROM "spans" AS "sp"
WHERE "sp"."subject_id" = "u"."subject_id" AND ("sp"."since$" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND ("sp"."until$" IS NULL OR "sp"."until$" > CAST('2026-03-31 12:00:00' AS TIMESTAMP)))) AND ("u"."own.active")) AS answer
ORDER BY "answer"."subject_id"
