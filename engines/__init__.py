"""Models that hear, think and speak, and the pool that runs them in processes of their own."""
