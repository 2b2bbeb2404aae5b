"""Sweeps: a grid of runs over a recipe's keys, with one table and one plot of the results."""
