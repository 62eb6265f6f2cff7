CREATE TABLE customers (n INT, joined TIMESTAMP(3), age INT, spend DOUBLE, plan STRING)
  WITH ('connector' = 'filesystem', 'path' = '@ROWS@', 'format' = 'json');
CREATE MODEL churn
  INPUT (joined TIMESTAMP(3), age INT, spend DOUBLE, plan STRING)
  OUTPUT (label STRING, probability DOUBLE, status STRING, violations STRING, reason STRING, model_digest STRING)
  WITH ('provider' = 'headrace');
SELECT * FROM ML_PREDICT(TABLE customers, MODEL churn, DESCRIPTOR(joined, age, spend, plan));
CREATE TEMPORARY SYSTEM FUNCTION headrace_predict AS 'headrace.jvm.flink.HeadracePredict';
SELECT n, p.label, p.probability, p.status, p.violations, p.reason, p.model_digest
  FROM (SELECT n, headrace_predict('customers', 'age', age, 'spend', spend, 'plan', plan, 'joined', joined) AS p
        FROM customers);
SELECT n, headrace_predict('', 'age', age, 'spend', spend, 'plan', plan, 'joined').status AS status FROM customers;
CREATE TEMPORARY VIEW contents AS SELECT n, content, ENCODE(content, 'UTF-8') AS raw_content FROM (VALUES
  (0, '{"age": 40, "spend": 12.5, "plan": "basic", "joined": "2024-03-03 10:00:00"}'),
  (1, '{"age": '), (2, CAST(NULL AS STRING))) AS t (n, content);
CREATE MODEL of_text INPUT (content STRING)
  OUTPUT (answer STRING, probability DOUBLE, status STRING, violations STRING)
  WITH ('provider' = 'headrace', 'input' = 'json', 'model' = 'customers');
CREATE MODEL of_bytes INPUT (raw_content BYTES)
  OUTPUT (answer STRING, probability DOUBLE, status STRING, violations STRING)
  WITH ('provider' = 'headrace', 'input' = 'json');
SELECT n, answer, probability, status, violations FROM ML_PREDICT(TABLE contents, MODEL of_bytes, DESCRIPTOR(raw_content));
CREATE TEMPORARY SYSTEM FUNCTION headrace_predict_json AS 'headrace.jvm.flink.HeadracePredictJson';
SELECT n, p.probability, p.status, p.violations
  FROM (SELECT n, headrace_predict_json('customers', raw_content) AS p FROM contents);
CREATE MODEL of_path INPUT (content STRING) OUTPUT (label STRING)
  WITH ('provider' = 'headrace', 'input' = 'json', 'path' = '@JAR@');
CREATE TEMPORARY VIEW once AS SELECT * FROM ML_PREDICT(TABLE contents, MODEL of_text, DESCRIPTOR(content));
SELECT n, label, probability, status, violations FROM ML_PREDICT(TABLE once, MODEL of_path, DESCRIPTOR(content));
CREATE TEMPORARY SYSTEM FUNCTION count_calls AS 'FlinkCalls';
SELECT p.a1, p.b1 FROM (SELECT count_calls(n) AS p FROM customers WHERE n = 0);
