"""Languages whose numbers, dates, money and abbreviations can be spelled out. One file each, found by its name."""
