CREATE TEMPORARY VIEW t AS SELECT
  CAST(NULL AS TIMESTAMP(3)) joined, 1 age, 1.5E0 spend, 'plus' plan, '' churn, CAST(NULL AS BYTES) content;
CREATE MODEL lacks INPUT (joined TIMESTAMP(3), age INT, spend DOUBLE) OUTPUT (label STRING)
  WITH ('provider' = 'headrace');
CREATE MODEL more INPUT (joined TIMESTAMP(3), age INT, spend DOUBLE, plan STRING, churn STRING) OUTPUT (label STRING)
  WITH ('provider' = 'headrace');
CREATE MODEL bytes_in INPUT (joined TIMESTAMP(3), age BYTES, spend DOUBLE, plan STRING) OUTPUT (label STRING)
  WITH ('provider' = 'headrace');
CREATE MODEL number_out INPUT (joined TIMESTAMP(3), age INT, spend DOUBLE, plan STRING) OUTPUT (label INT)
  WITH ('provider' = 'headrace');
CREATE MODEL value_out INPUT (joined TIMESTAMP(3), age INT, spend DOUBLE, plan STRING) OUTPUT (`value` DOUBLE)
  WITH ('provider' = 'headrace');
CREATE MODEL other INPUT (joined TIMESTAMP(3), age INT, spend DOUBLE, plan STRING) OUTPUT (label STRING)
  WITH ('provider' = 'headrace', 'model' = 'other');
CREATE MODEL misspelt INPUT (joined TIMESTAMP(3), age INT, spend DOUBLE, plan STRING) OUTPUT (label STRING)
  WITH ('provider' = 'headrace', 'modle' = 'customers');
CREATE MODEL json_columns INPUT (joined TIMESTAMP(3), age INT) OUTPUT (label STRING)
  WITH ('provider' = 'headrace', 'input' = 'json');
CREATE MODEL xml_in INPUT (content BYTES) OUTPUT (label STRING) WITH ('provider' = 'headrace', 'input' = 'xml');
SELECT * FROM ML_PREDICT(TABLE t, MODEL lacks, DESCRIPTOR(joined, age, spend));
SELECT * FROM ML_PREDICT(TABLE t, MODEL more, DESCRIPTOR(joined, age, spend, plan, churn));
SELECT * FROM ML_PREDICT(TABLE t, MODEL bytes_in, DESCRIPTOR(joined, content, spend, plan));
SELECT * FROM ML_PREDICT(TABLE t, MODEL number_out, DESCRIPTOR(joined, age, spend, plan));
SELECT * FROM ML_PREDICT(TABLE t, MODEL value_out, DESCRIPTOR(joined, age, spend, plan));
SELECT * FROM ML_PREDICT(TABLE t, MODEL other, DESCRIPTOR(joined, age, spend, plan));
SELECT * FROM ML_PREDICT(TABLE t, MODEL misspelt, DESCRIPTOR(joined, age, spend, plan));
SELECT * FROM ML_PREDICT(TABLE t, MODEL json_columns, DESCRIPTOR(joined, age));
SELECT * FROM ML_PREDICT(TABLE t, MODEL xml_in, DESCRIPTOR(content));
