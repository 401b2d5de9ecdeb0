"""The sections of the benchmark, a file each."""
