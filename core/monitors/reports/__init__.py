"""The table of monitors, the report of a window, and the incidents that follow from reports."""
