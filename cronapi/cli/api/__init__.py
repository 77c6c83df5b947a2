"""The commands that call a service, one file per group. House rule: only click is loaded here."""
