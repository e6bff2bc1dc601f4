"""What must survive a restart. Rows never leave this room."""
