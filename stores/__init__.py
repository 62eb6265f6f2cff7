"""Object stores and sources of tables: everything that reads or writes outside the machine."""
