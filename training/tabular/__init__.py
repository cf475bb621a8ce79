"""Tables of people's own: which column is what, cleaning, and networks that tell rows apart."""
