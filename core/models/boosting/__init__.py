"""Boosted trees that LightGBM or XGBoost grow, and that predict without them."""
