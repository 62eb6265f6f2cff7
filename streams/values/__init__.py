"""Values of events and answers: bytes of a topic to rows, and answers back to bytes."""
