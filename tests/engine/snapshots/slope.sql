WITH "universe" AS (SELECT "a"."key" AS "account_key", "a"."id" AS "subject_id", "a"."created_at" AS "account_born"
FROM "accounts" AS "a"
WHERE NOT "a"."left_out"),
"g0_tall" AS (SELECT "r"."account_key" AS "account_key", 0 AS "place$", COUNT(*) AS "m0"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-02-08 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-02-01 12:00:00' AS TIMESTAMP)) AND (("r"."kind") = ('feature'))
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 1 AS "place$", COUNT(*) AS "m0"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-02-15 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-02-08 12:00:00' AS TIMESTAMP)) AND (("r"."kind") = ('feature'))
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 2 AS "place$", COUNT(*) AS "m0"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-02-22 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-02-15 12:00:00' AS TIMESTAMP)) AND (("r"."kind") = ('feature'))
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 3 AS "place$", COUNT(*) AS "m0"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-03-01 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-02-22 12:00:00' AS TIMESTAMP)) AND (("r"."kind") = ('feature'))
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 4 AS "place$", COUNT(*) AS "m0"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-03-03 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-03-01 12:00:00' AS TIMESTAMP)) AND (("r"."kind") = ('feature'))
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 5 AS "place$", COUNT(*) AS "m0"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-03-10 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-03-03 12:00:00' AS TIMESTAMP)) AND (("r"."kind") = ('feature'))
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 6 AS "place$", COUNT(*) AS "m0"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-03-17 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-03-10 12:00:00' AS TIMESTAMP)) AND (("r"."kind") = ('feature'))
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 7 AS "place$", COUNT(*) AS "m0"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-03-24 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-03-17 12:00:00' AS TIMESTAMP)) AND (("r"."kind") = ('feature'))
GROUP BY "r"."account_key"
UNION ALL SELECT "r"."account_key" AS "account_key", 8 AS "place$", COUNT(*) AS "m0"
FROM "events" AS "r"
WHERE ("r"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND "r"."at" > CAST('2026-03-24 12:00:00' AS TIMESTAMP)) AND (("r"."kind") = ('feature'))
GROUP BY "r"."account_key"),
"g0" AS (SELECT "p"."account_key", CAST(SUM(CASE WHEN "p"."place$" >= 4 THEN "p"."m0" END) AS DOUBLE) AS "c0", CAST(SUM(CASE WHEN "p"."place$" >= 3 AND "p"."place$" < 8 THEN "p"."m0" END) AS DOUBLE) AS "c1", CAST(SUM(CASE WHEN "p"."place$" >= 2 AND "p"."place$" < 7 THEN "p"."m0" END) AS DOUBLE) AS "c2", CAST(SUM(CASE WHEN "p"."place$" >= 1 AND "p"."place$" < 6 THEN "p"."m0" END) AS DOUBLE) AS "c3", CAST(SUM(CASE WHEN "p"."place$" < 5 THEN "p"."m0" END) AS DOUBLE) AS "c4"
FROM "g0_tall" AS "p"
GROUP BY "p"."account_key"),
"g1_samples" AS (SELECT "u"."account_key", COALESCE("g0"."c0", CAST('0.0' AS DOUBLE)) AS "y0_0", CASE WHEN ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-24 12:00:00' AS TIMESTAMP)) THEN COALESCE("g0"."c1", CAST('0.0' AS DOUBLE)) END AS "y0_1", CASE WHEN ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-17 12:00:00' AS TIMESTAMP)) THEN COALESCE("g0"."c2", CAST('0.0' AS DOUBLE)) END AS "y0_2", CASE WHEN ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-10 12:00:00' AS TIMESTAMP)) THEN COALESCE("g0"."c3", CAST('0.0' AS DOUBLE)) END AS "y0_3", CASE WHEN ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-03 12:00:00' AS TIMESTAMP)) THEN COALESCE("g0"."c4", CAST('0.0' AS DOUBLE)) END AS "y0_4"
FROM "universe" AS "u"
LEFT JOIN "g0" ON "g0"."account_key" = "u"."account_key"),
"g1" AS (SELECT "s"."account_key", CASE WHEN (CASE WHEN NOT "s"."y0_0" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_1" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_2" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_3" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_4" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END) >= CAST('4.0' AS DOUBLE) THEN (((CASE WHEN NOT "s"."y0_0" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_1" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_2" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_3" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_4" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END) * (CAST('0.0' AS DOUBLE) * COALESCE(("s"."y0_0" - COALESCE("s"."y0_0", "s"."y0_1", "s"."y0_2", "s"."y0_3", "s"."y0_4", CAST('0.0' AS DOUBLE))), CAST('0.0' AS DOUBLE)) + CAST('-1.0' AS DOUBLE) * COALESCE(("s"."y0_1" - COALESCE("s"."y0_0", "s"."y0_1", "s"."y0_2", "s"."y0_3", "s"."y0_4", CAST('0.0' AS DOUBLE))), CAST('0.0' AS DOUBLE)) + CAST('-2.0' AS DOUBLE) * COALESCE(("s"."y0_2" - COALESCE("s"."y0_0", "s"."y0_1", "s"."y0_2", "s"."y0_3", "s"."y0_4", CAST('0.0' AS DOUBLE))), CAST('0.0' AS DOUBLE)) + CAST('-3.0' AS DOUBLE) * COALESCE(("s"."y0_3" - COALESCE("s"."y0_0", "s"."y0_1", "s"."y0_2", "s"."y0_3", "s"."y0_4", CAST('0.0' AS DOUBLE))), CAST('0.0' AS DOUBLE)) + CAST('-4.0' AS DOUBLE) * COALESCE(("s"."y0_4" - COALESCE("s"."y0_0", "s"."y0_1", "s"."y0_2", "s"."y0_3", "s"."y0_4", CAST('0.0' AS DOUBLE))), CAST('0.0' AS DOUBLE))) - (CASE WHEN NOT "s"."y0_0" IS NULL THEN CAST('0.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_1" IS NULL THEN CAST('-1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_2" IS NULL THEN CAST('-2.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_3" IS NULL THEN CAST('-3.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_4" IS NULL THEN CAST('-4.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END) * (COALESCE(("s"."y0_0" - COALESCE("s"."y0_0", "s"."y0_1", "s"."y0_2", "s"."y0_3", "s"."y0_4", CAST('0.0' AS DOUBLE))), CAST('0.0' AS DOUBLE)) + COALESCE(("s"."y0_1" - COALESCE("s"."y0_0", "s"."y0_1", "s"."y0_2", "s"."y0_3", "s"."y0_4", CAST('0.0' AS DOUBLE))), CAST('0.0' AS DOUBLE)) + COALESCE(("s"."y0_2" - COALESCE("s"."y0_0", "s"."y0_1", "s"."y0_2", "s"."y0_3", "s"."y0_4", CAST('0.0' AS DOUBLE))), CAST('0.0' AS DOUBLE)) + COALESCE(("s"."y0_3" - COALESCE("s"."y0_0", "s"."y0_1", "s"."y0_2", "s"."y0_3", "s"."y0_4", CAST('0.0' AS DOUBLE))), CAST('0.0' AS DOUBLE)) + COALESCE(("s"."y0_4" - COALESCE("s"."y0_0", "s"."y0_1", "s"."y0_2", "s"."y0_3", "s"."y0_4", CAST('0.0' AS DOUBLE))), CAST('0.0' AS DOUBLE)))) / NULLIF(((CASE WHEN NOT "s"."y0_0" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_1" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_2" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_3" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_4" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END) * (CASE WHEN NOT "s"."y0_0" IS NULL THEN CAST('0.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_1" IS NULL THEN CAST('1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_2" IS NULL THEN CAST('4.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_3" IS NULL THEN CAST('9.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_4" IS NULL THEN CAST('16.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END) - (CASE WHEN NOT "s"."y0_0" IS NULL THEN CAST('0.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_1" IS NULL THEN CAST('-1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_2" IS NULL THEN CAST('-2.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_3" IS NULL THEN CAST('-3.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_4" IS NULL THEN CAST('-4.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END) * (CASE WHEN NOT "s"."y0_0" IS NULL THEN CAST('0.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_1" IS NULL THEN CAST('-1.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_2" IS NULL THEN CAST('-2.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_3" IS NULL THEN CAST('-3.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END + CASE WHEN NOT "s"."y0_4" IS NULL THEN CAST('-4.0' AS DOUBLE) ELSE CAST('0.0' AS DOUBLE) END)), CAST('0.0' AS DOUBLE))) / CAST('7.0' AS DOUBLE) END AS "c0"
FROM "g1_samples" AS "s") SELECT *
FROM (SELECT "u"."subject_id", "g1"."c0" AS "f0"
FROM "universe" AS "u"
LEFT JOIN "g1" ON "g1"."account_key" = "u"."account_key"
WHERE ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP))) AS answer
ORDER BY "answer"."subject_id"
