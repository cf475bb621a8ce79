"""Who may ask what: API keys and what they are for, every route and what it needs, how much one caller may ask."""
