WITH "universe" AS (SELECT "a"."key" AS "account_key", "a"."id" AS "subject_id", "a"."created_at" AS "account_born"
FROM "accounts" AS "a"
WHERE NOT "a"."left_out"),
"account_0_past" AS (SELECT "y"."key", MAX(CASE WHEN "y"."field" = 'cancel_requested_at' THEN "y"."value" END) AS "cancel_requested_at.v", BOOL_OR(CAST("y"."field" = 'cancel_requested_at' AS BOOLEAN)) AS "cancel_requested_at.h", MAX(CASE WHEN "y"."field" = 'churned_at' THEN "y"."value" END) AS "churned_at.v", BOOL_OR(CAST("y"."field" = 'churned_at' AS BOOLEAN)) AS "churned_at.h", MAX(CASE WHEN "y"."field" = 'lifecycle_stage' THEN "y"."value" END) AS "lifecycle_stage.v", BOOL_OR(CAST("y"."field" = 'lifecycle_stage' AS BOOLEAN)) AS "lifecycle_stage.h", MAX(CASE WHEN "y"."field" = 'mrr' THEN "y"."value" END) AS "mrr.v", BOOL_OR(CAST("y"."field" = 'mrr' AS BOOLEAN)) AS "mrr.h", MAX(CASE WHEN "y"."field" = 'plan' THEN "y"."value" END) AS "plan.v", BOOL_OR(CAST("y"."field" = 'plan' AS BOOLEAN)) AS "plan.h", MAX(CASE WHEN "y"."field" = 'status' THEN "y"."value" END) AS "status.v", BOOL_OR(CAST("y"."field" = 'status' AS BOOLEAN)) AS "status.h", MAX(CASE WHEN "y"."field" = 'tier' THEN "y"."value" END) AS "tier.v", BOOL_OR(CAST("y"."field" = 'tier' AS BOOLEAN)) AS "tier.h", MAX(CASE WHEN "y"."field" = 'trial_ends_on' THEN "y"."value" END) AS "trial_ends_on.v", BOOL_OR(CAST("y"."field" = 'trial_ends_on' AS BOOLEAN)) AS "trial_ends_on.h"
FROM (SELECT "x"."key", "x"."field", ARG_MAX("x"."value", "x"."at") FILTER(WHERE "x"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AS "value"
FROM "account_timeline" AS "x"
WHERE "x"."field" IN ('cancel_requested_at', 'churned_at', 'lifecycle_stage', 'mrr', 'plan', 'status', 'tier', 'trial_ends_on')
GROUP BY "x"."key", "x"."field") AS y
GROUP BY "y"."key"),
"account_0_turns" AS (SELECT "z"."key", MAX(CASE WHEN "z"."field" = 'lifecycle_stage' THEN "z"."at" END) AS "lifecycle_stage.s", ARG_MAX("z"."raw_before", "z"."at") FILTER(WHERE "z"."field" = 'lifecycle_stage') AS "lifecycle_stage.p", MAX(CASE WHEN "z"."field" = 'plan' THEN "z"."at" END) AS "plan.s", ARG_MAX("z"."raw_before", "z"."at") FILTER(WHERE "z"."field" = 'plan') AS "plan.p"
FROM (SELECT "z"."key", "z"."field", "z"."at", COALESCE("z"."raw_before", '') AS "raw_before"
FROM (SELECT *, LAG("y"."value") OVER (PARTITION BY "y"."key", "y"."field"
ORDER BY "y"."at") AS "before", LAG("y"."raw") OVER (PARTITION BY "y"."key", "y"."field"
ORDER BY "y"."at") AS "raw_before"
FROM (SELECT "x"."key", "x"."field", "x"."at", CASE WHEN "x"."field" IN ('mrr', 'tier') AND "x"."value" <> '' THEN PRINTF('%.17g', TRY_CAST("x"."value" AS DOUBLE)) ELSE "x"."value" END AS "value", "x"."value" AS "raw"
FROM "account_timeline" AS "x"
WHERE "x"."field" IN ('lifecycle_stage', 'plan') AND "x"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AS y) AS z
WHERE "z"."value" IS DISTINCT
FROM "z"."before") AS z
GROUP BY "z"."key"),
"account_0" AS (SELECT "e"."key", CASE WHEN NOT "h"."status.v" IS NULL THEN CASE WHEN COALESCE("h"."status.h", FALSE) THEN NULLIF("h"."status.v", '') ELSE "e"."status" END ELSE CASE WHEN (CASE WHEN COALESCE("h"."churned_at.h", FALSE) THEN TRY_CAST(NULLIF("h"."churned_at.v", '') AS TIMESTAMP) ELSE "e"."churned_at" END) <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) THEN 'churned' WHEN (CASE WHEN COALESCE("h"."cancel_requested_at.h", FALSE) THEN TRY_CAST(NULLIF("h"."cancel_requested_at.v", '') AS TIMESTAMP) ELSE "e"."cancel_requested_at" END) <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) THEN 'cancelling' WHEN (CASE WHEN COALESCE("h"."trial_ends_on.h", FALSE) THEN TRY_CAST(NULLIF("h"."trial_ends_on.v", '') AS DATE) ELSE "e"."trial_ends_on" END) > CAST('2026-03-31' AS DATE) THEN 'trial' ELSE 'active' END END AS "status.value", CASE WHEN COALESCE("h"."tier.h", FALSE) THEN TRY_CAST(NULLIF("h"."tier.v", '') AS DOUBLE) ELSE TRY_CAST("e"."tier" AS DOUBLE) END AS "tier.value", CASE WHEN NOT COALESCE("h"."lifecycle_stage.h", FALSE) AND NOT "e"."lifecycle_stage" IS NULL AND "e"."stage_entered_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) THEN "e"."stage_entered_at" ELSE "t"."lifecycle_stage.s" END AS "lifecycle_stage.since", NULLIF("t"."plan.p", '') AS "plan.previous", CASE WHEN COALESCE("h"."mrr.h", FALSE) THEN TRY_CAST(NULLIF("h"."mrr.v", '') AS DOUBLE) ELSE "e"."mrr" END AS "mrr.value"
FROM "accounts" AS "e"
LEFT JOIN "account_0_past" AS "h" ON "h"."key" = "e"."key"
LEFT JOIN "account_0_turns" AS "t" ON "t"."key" = "e"."key") SELECT *
FROM (SELECT "u"."subject_id", "account_0"."status.value" AS "f0", "account_0"."tier.value" AS "f1", CAST((EPOCH_US(CAST('2026-03-31 12:00:00' AS TIMESTAMP)) - EPOCH_US(("account_0"."lifecycle_stage.since"))) AS DOUBLE) / CAST('86400000000.0' AS DOUBLE) AS "f2", "account_0"."plan.previous" AS "f3"
FROM "universe" AS "u"
LEFT JOIN "account_0" ON "account_0"."key" = "u"."account_key"
WHERE ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP)) AND (("account_0"."mrr.value") > (CAST('100.0' AS DOUBLE)))) AS answer
ORDER BY "answer"."subject_id"
