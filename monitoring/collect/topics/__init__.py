"""Topics as sources of a collector: logged payloads, and what `headrace stream` has read and answered."""
