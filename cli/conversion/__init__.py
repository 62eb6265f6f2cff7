"""Commands about files of other systems: KFP v1, MLflow, the JVM, Seldon."""
