"""Several runs of one idea: a grid over a recipe's keys, with one table and one plot of what it gave."""
