"""The domain: contracts, tables, models, metrics, bundles. Knows no platform."""
