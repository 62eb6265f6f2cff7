"""What other systems made, and what they can take: KFP v1, MLflow, the JVM, Seldon."""
