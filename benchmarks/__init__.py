"""Measurements that print a table and a verdict; `python -m benchmarks.<name>`."""
