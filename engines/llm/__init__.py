"""Engines that think: messages in, pieces of text and tool calls out. One file each."""
