"""The application: settings, steps, command line."""
