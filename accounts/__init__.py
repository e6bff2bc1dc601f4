"""Who may do what, how fast, and what it cost."""
