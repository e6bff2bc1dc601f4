"""What people see: one file a tab."""
