"""Jobs that really call their URLs: what is sent, to which addresses, and what follows."""
