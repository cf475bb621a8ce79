"""Pictures that a model makes: how it is trained, and how good and how various they are."""
