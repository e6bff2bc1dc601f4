"""Engines that hear: audio in, segments of text out. One file each."""
