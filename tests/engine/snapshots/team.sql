WITH "our_people" AS (SELECT *
FROM (SELECT "c".*, CASE WHEN CONTAINS("c"."email", '@') THEN LOWER("c"."email") ELSE "c"."email" END AS "address$", ROW_NUMBER() OVER (PARTITION BY CASE WHEN CONTAINS("c"."email", '@') THEN LOWER("c"."email") ELSE "c"."email" END
ORDER BY "c"."email") AS "number$"
FROM "csms" AS "c") AS w
WHERE "w"."number$" = 1),
"holdings" AS (SELECT "o"."key" AS "account_key", "op"."team" AS "subject_id", GREATEST(COALESCE("o"."since", CAST('0001-01-02 00:00:00' AS TIMESTAMP)), COALESCE("a"."created_at", CAST('0001-01-02 00:00:00' AS TIMESTAMP))) AS "since$", "o"."until" AS "until$"
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
JOIN "our_people" AS "op" ON "op"."address$" = CASE WHEN CONTAINS("o"."who", '@') THEN LOWER("o"."who") ELSE "o"."who" END
WHERE (NOT "op"."team" IS NULL AND NOT "o"."who" IS NULL) AND (NOT "a"."left_out" AND ("o"."until" IS NULL OR "o"."until" > GREATEST(COALESCE("o"."since", CAST('0001-01-02 00:00:00' AS TIMESTAMP)), COALESCE("a"."created_at", CAST('0001-01-02 00:00:00' AS TIMESTAMP)))))),
"universe" AS (SELECT "n"."name" AS "subject_id", CAST(NULL AS TIMESTAMP) AS "subject_born", "n"."name" AS "own.name", "t"."manager" AS "own.manager", "t"."churn_tolerance" AS "own.churn_tolerance"
FROM (SELECT "t"."name"
FROM "teams" AS "t" UNION SELECT "op"."team" AS "name"
FROM "our_people" AS "op"
WHERE NOT "op"."team" IS NULL) AS n
LEFT JOIN "teams" AS "t" ON "t"."name" = "n"."name"),
"per_account" AS (WITH "universe" AS (SELECT "a"."key" AS "account_key", "a"."id" AS "subject_id", "a"."created_at" AS "account_born"
FROM "accounts" AS "a"
WHERE NOT "a"."left_out"),
"account_0_past" AS (SELECT "y"."key", MAX(CASE WHEN "y"."field" = 'cancel_requested_at' THEN "y"."value" END) AS "cancel_requested_at.v", BOOL_OR(CAST("y"."field" = 'cancel_requested_at' AS BOOLEAN)) AS "cancel_requested_at.h", MAX(CASE WHEN "y"."field" = 'churned_at' THEN "y"."value" END) AS "churned_at.v", BOOL_OR(CAST("y"."field" = 'churned_at' AS BOOLEAN)) AS "churned_at.h", MAX(CASE WHEN "y"."field" = 'currency' THEN "y"."value" END) AS "currency.v", BOOL_OR(CAST("y"."field" = 'currency' AS BOOLEAN)) AS "currency.h", MAX(CASE WHEN "y"."field" = 'mrr' THEN "y"."value" END) AS "mrr.v", BOOL_OR(CAST("y"."field" = 'mrr' AS BOOLEAN)) AS "mrr.h", MAX(CASE WHEN "y"."field" = 'status' THEN "y"."value" END) AS "status.v", BOOL_OR(CAST("y"."field" = 'status' AS BOOLEAN)) AS "status.h", MAX(CASE WHEN "y"."field" = 'trial_ends_on' THEN "y"."value" END) AS "trial_ends_on.v", BOOL_OR(CAST("y"."field" = 'trial_ends_on' AS BOOLEAN)) AS "trial_ends_on.h"
FROM (SELECT "x"."key", "x"."field", ARG_MAX("x"."value", "x"."at") FILTER(WHERE "x"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AS "value"
FROM "account_timeline" AS "x"
WHERE "x"."field" IN ('cancel_requested_at', 'churned_at', 'currency', 'mrr', 'status', 'trial_ends_on')
GROUP BY "x"."key", "x"."field") AS y
GROUP BY "y"."key"),
"account_0" AS (SELECT "e"."key", CASE WHEN COALESCE("h"."mrr.h", FALSE) THEN TRY_CAST(NULLIF("h"."mrr.v", '') AS DOUBLE) ELSE "e"."mrr" END AS "mrr.value", CASE WHEN NOT "h"."status.v" IS NULL THEN CASE WHEN COALESCE("h"."status.h", FALSE) THEN NULLIF("h"."status.v", '') ELSE "e"."status" END ELSE CASE WHEN (CASE WHEN COALESCE("h"."churned_at.h", FALSE) THEN TRY_CAST(NULLIF("h"."churned_at.v", '') AS TIMESTAMP) ELSE "e"."churned_at" END) <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) THEN 'churned' WHEN (CASE WHEN COALESCE("h"."cancel_requested_at.h", FALSE) THEN TRY_CAST(NULLIF("h"."cancel_requested_at.v", '') AS TIMESTAMP) ELSE "e"."cancel_requested_at" END) <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) THEN 'cancelling' WHEN (CASE WHEN COALESCE("h"."trial_ends_on.h", FALSE) THEN TRY_CAST(NULLIF("h"."trial_ends_on.v", '') AS DATE) ELSE "e"."trial_ends_on" END) > CAST('2026-03-31' AS DATE) THEN 'trial' ELSE 'active' END END AS "status.value", CASE WHEN COALESCE("h"."currency.h", FALSE) THEN NULLIF("h"."currency.v", '') ELSE "e"."currency" END AS "currency.value"
FROM "accounts" AS "e"
LEFT JOIN "account_0_past" AS "h" ON "h"."key" = "e"."key"),
"account_0_rates" AS (SELECT "r"."account_key", "r"."rate$"
FROM (SELECT "r".*, CASE WHEN "r"."currency" IS NULL OR "r"."currency" = 'EUR' THEN CAST('1.0' AS DOUBLE) ELSE COALESCE("fx"."rate", "first"."rate", CAST('1.0' AS DOUBLE)) END AS "rate$"
FROM (SELECT "u"."account_key", CASE WHEN NOT "u"."account_key" IN (SELECT "s"."account_key"
FROM "subscriptions" AS "s") THEN "account_0"."currency.value" END AS "currency", CAST('2026-03-31' AS DATE) AS "day$"
FROM "universe" AS "u"
JOIN "account_0" ON "account_0"."key" = "u"."account_key") AS r
ASOF LEFT JOIN "rates" AS "fx" ON "r"."currency" = "fx"."currency" AND "r"."day$" >= "fx"."on"
LEFT JOIN (SELECT "f"."currency", ARG_MIN("f"."rate", "f"."on") AS "rate"
FROM "rates" AS "f"
GROUP BY "f"."currency") AS first ON "first"."currency" = "r"."currency") AS r) SELECT "u"."account_key" AS "account_key", "u"."subject_id" AS "id", "u"."account_born" AS "created_at", ("account_0"."mrr.value" * "account_0_rates"."rate$") AS "a0", "account_0"."status.value" AS "a1"
FROM "universe" AS "u"
LEFT JOIN "account_0" ON "account_0"."key" = "u"."account_key"
LEFT JOIN "account_0_rates" ON "account_0_rates"."account_key" = "u"."account_key"),
"accounts_held" AS (SELECT "r".*, "h"."subject_id", "h"."since$", "h"."until$"
FROM "per_account" AS "r"
JOIN "holdings" AS "h" ON "h"."account_key" = "r"."account_key"),
"g0" AS (SELECT "r"."subject_id" AS "subject_id", SUM(CASE WHEN (("r"."a1") = ('active')) THEN "r"."a0" END) AS "c0"
FROM "accounts_held" AS "r"
WHERE (("r"."created_at" IS NULL OR "r"."created_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AND ("r"."since$" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND ("r"."until$" IS NULL OR "r"."until$" > CAST('2026-03-31 12:00:00' AS TIMESTAMP)))) AND (("r"."a1") = ('active'))
GROUP BY "r"."subject_id"),
"alerts_held" AS (SELECT "r".*, "h"."subject_id", "h"."since$", "h"."until$"
FROM "alerts" AS "r"
JOIN "holdings" AS "h" ON "h"."account_key" = "r"."account_key"
UNION ALL SELECT "r".*, "op"."team" AS "subject_id", CAST('0001-01-02 00:00:00' AS TIMESTAMP) AS "since$", CAST(NULL AS TIMESTAMP) AS "until$"
FROM "alerts" AS "r"
JOIN "our_people" AS "op" ON "op"."address$" = CASE WHEN CONTAINS("r"."subject", '@') THEN LOWER("r"."subject") ELSE "r"."subject" END
WHERE "r"."account_key" IS NULL AND NOT "op"."team" IS NULL
UNION ALL SELECT "r".*, "r"."subject" AS "subject_id", CAST('0001-01-02 00:00:00' AS TIMESTAMP) AS "since$", CAST(NULL AS TIMESTAMP) AS "until$"
FROM "alerts" AS "r"
WHERE "r"."account_key" IS NULL),
"g1" AS (SELECT "r"."subject_id" AS "subject_id", CAST(COUNT(CASE WHEN ((CASE WHEN "r"."closed_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) THEN "r"."closed_at" END) IS NULL) THEN 1 END) AS DOUBLE) AS "c0"
FROM "alerts_held" AS "r"
WHERE ("r"."opened_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND ("r"."since$" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND ("r"."until$" IS NULL OR "r"."until$" > CAST('2026-03-31 12:00:00' AS TIMESTAMP)))) AND ((CASE WHEN "r"."closed_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) THEN "r"."closed_at" END) IS NULL)
GROUP BY "r"."subject_id") SELECT *
FROM (SELECT "u"."subject_id", COALESCE("g0"."c0", CAST('0.0' AS DOUBLE)) AS "f0", COALESCE("g1"."c0", CAST('0.0' AS DOUBLE)) AS "f1", "u"."own.manager" AS "f2"
FROM "universe" AS "u"
LEFT JOIN "g0" ON "g0"."subject_id" = "u"."subject_id"
LEFT JOIN "g1" ON "g1"."subject_id" = "u"."subject_id"
WHERE TRUE) AS answer
ORDER BY "answer"."subject_id"
