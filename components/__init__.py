"""Components: one thin module for each KFP component."""
