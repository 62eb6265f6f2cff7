"""What every other part stands on: errors, files, settings, notes."""
