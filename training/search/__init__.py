"""`slipway search`: many trainings of a recipe, each with other parameters, to find the best by what is held out."""
