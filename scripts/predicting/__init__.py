"""From a checkpoint to predictions of new rows, and to programs that need nothing of this project."""
