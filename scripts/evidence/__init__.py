"""What is claimed of the project, measured: published systems run again, benchmarks, and the tables of both in docs/."""
