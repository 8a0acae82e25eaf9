"""E-mail by SMTP: text and HTML, one thread for each episode."""
