"""Comparisons of methods: single runs side by side, studies over seeds and folds, their tables, figures and pages."""
