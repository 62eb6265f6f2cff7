"""Forecasts of series: train a model with its backtest, and forecast with it."""
