"""What is claimed of the project, measured: published systems run again, benchmarks, and the README's tables of both."""
