"""Engines that tell speech from the rest, light enough to run beside the sockets."""
