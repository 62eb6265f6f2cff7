"""What is searched: parameters, algorithms, objective."""
