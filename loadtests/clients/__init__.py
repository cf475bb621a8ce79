"""How requests get to a server and answers back. Rule: one request's failure is its own."""
