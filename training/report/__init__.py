"""What a training tells people of a model: a page with plots and examples, and a card."""
