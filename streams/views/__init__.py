"""What a person sees of events: texts that are safe to print, and counts."""
