"""Exports of connected devices and apps, one module per format."""
