"""Commands for forecasts of series."""
