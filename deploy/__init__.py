"""The roles in processes of their own, behind nginx."""
