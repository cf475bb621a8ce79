"""What a customer may want next, with two towers: `python -m training.recipes.shop_recommender`."""

from training.config import TrainConfig
from training.recipes.recipe import Recipe
from training.recommendation.kind import Recommendation

RECIPE = Recipe(
    name="shop-recommender",
    summary="what a customer may want next, two towers over what was bought before",
    kind=Recommendation(),
    hyperparameters={"width": 32, "hidden": 128, "dropout": 0.2, "best": 50},
    config=TrainConfig(
        loss="own",
        epochs=12,
        batch_size=256,
        learning_rate=3e-3,
        optimizer="adamw",
        weight_decay=1e-3,
        schedule="cosine",
    ),
    data={"user": "user", "item": "item", "time": "time", "length": 20, "least_items": 3, "least_users": 3},
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
