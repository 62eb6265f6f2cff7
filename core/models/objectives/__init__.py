"""What a contract asks of a model beyond its task: objective, class weights, monotone constraints, intervals."""
