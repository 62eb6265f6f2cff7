"""The page of a backtest of forecasts."""
