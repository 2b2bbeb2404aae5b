"""Checks of data sets before they are trained on."""
