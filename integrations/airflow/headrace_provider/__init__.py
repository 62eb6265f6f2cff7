"""Apache Airflow provider of Headrace, which it runs as a program in an environment of its own."""
