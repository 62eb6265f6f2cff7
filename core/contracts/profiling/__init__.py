"""What the columns of a table hold, found by trying it on all rows."""
