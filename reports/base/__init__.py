"""Numbers, phrases and facts that all pages share."""
