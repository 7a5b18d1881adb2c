"""A record as one page for a person to read: nothing is loaded, nothing runs, each document in a frame of its own."""

from carnet.reader.page import page as page
