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
