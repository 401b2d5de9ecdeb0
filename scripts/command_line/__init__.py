"""The command line: configurations, messages, run folders, checkpoints and what a run leaves behind."""
