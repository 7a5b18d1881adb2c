"""E-mails: their structure by place, transfer encodings, and what a mail of MSSanté carries."""
