WITH "universe" AS (SELECT "a"."key" AS "account_key", "a"."id" AS "subject_id", "a"."created_at" AS "account_born"
FROM "accounts" AS "a"
WHERE NOT "a"."left_out"),
"g0" AS (SELECT "r"."account_key" AS "account_key", CAST(COUNT(CASE WHEN ((((CASE WHEN "r"."resolved_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) THEN "r"."resolved_at" END) IS NULL) AND ((CAST((EPOCH_US(CAST('2026-03-31 12:00:00' AS TIMESTAMP)) - EPOCH_US("r"."opened_at")) AS DOUBLE) / CAST('86400000000.0' AS DOUBLE)) > (CAST('5.0' AS DOUBLE))))) THEN 1 END) AS DOUBLE) AS "c0"
FROM "tickets" AS "r"
WHERE "r"."opened_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND ((((CASE WHEN "r"."resolved_at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) THEN "r"."resolved_at" END) IS NULL) AND ((CAST((EPOCH_US(CAST('2026-03-31 12:00:00' AS TIMESTAMP)) - EPOCH_US("r"."opened_at")) AS DOUBLE) / CAST('86400000000.0' AS DOUBLE)) > (CAST('5.0' AS DOUBLE)))))
GROUP BY "r"."account_key"),
"g1" AS (SELECT "r"."account_key" AS "account_key", ARG_MAX("r"."score", {'s': COALESCE(CAST("r"."at" AS TIMESTAMP), CAST('0001-01-02 00:00:00' AS TIMESTAMP)), 'i': "r"."id"}) FILTER(WHERE (("r"."kind") = ('nps')) AND NOT ("r"."score") IS NULL) AS "c0"
FROM "surveys" AS "r"
WHERE "r"."at" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP) AND (("r"."kind") = ('nps'))
GROUP BY "r"."account_key"),
"g2" AS (SELECT "r"."account_key" AS "account_key", SUM(CASE WHEN (CASE WHEN "r"."paid_on" <= CAST('2026-03-31' AS DATE) THEN "r"."paid_on" END) IS NULL THEN "r"."amount" ELSE CAST('0.0' AS DOUBLE) END) AS "c0"
FROM "invoices" AS "r"
WHERE "r"."issued_on" <= CAST('2026-03-31' AS DATE)
GROUP BY "r"."account_key") SELECT *
FROM (SELECT "u"."subject_id", COALESCE("g0"."c0", CAST('0.0' AS DOUBLE)) AS "f0", "g1"."c0" AS "f1", COALESCE("g2"."c0", CAST('0.0' AS DOUBLE)) AS "f2"
FROM "universe" AS "u"
LEFT JOIN "g0" ON "g0"."account_key" = "u"."account_key"
LEFT JOIN "g1" ON "g1"."account_key" = "u"."account_key"
LEFT JOIN "g2" ON "g2"."account_key" = "u"."account_key"
WHERE ("u"."account_born" IS NULL OR "u"."account_born" <= CAST('2026-03-31 12:00:00' AS TIMESTAMP))) AS answer
ORDER BY "answer"."subject_id"
