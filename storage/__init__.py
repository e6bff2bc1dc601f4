"""What must survive a restart. Rows stay in here: functions take and return frozen dataclasses."""
