"""Readings of devices: what a batch as said means, in one measure, one unit and one point in time."""
