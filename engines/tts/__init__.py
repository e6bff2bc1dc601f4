"""Engines that speak: text in, chunks of audio out. One file each."""
