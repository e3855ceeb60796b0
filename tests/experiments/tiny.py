"""The experiments at a size that takes a second: two small layers, a handful of 8x8 images."""

from experiments.claims import (
    count_is_hyperparameter,
    random_init,
    relu_sharpens,
    similar_is_large,
    wider_deeper,
)
from experiments.claims.network import Recipe

RECIPE = Recipe(size=8, train=32, test=16, epochs=1, batch_size=16)
WIDTHS = (3, 4)

SCRIPTS = {
    "relu-sharpens": relu_sharpens,
    "random-init": random_init,
    "count-is-hyperparameter": count_is_hyperparameter,
    "wider-deeper": wider_deeper,
    "similar-is-large": similar_is_large,
}
SETTINGS = {
    "relu-sharpens": relu_sharpens.Settings(
        learning_rates=(0.003,), initials=("he",), widths=WIDTHS, seeds=(0, 1, 2),
        selectivity_images=16, tuning_epochs=1, recipe=RECIPE,
    ),
    "random-init": random_init.Settings(seeds=(0, 1, 2), widths=WIDTHS, top=4, recipe=RECIPE),
    "count-is-hyperparameter": count_is_hyperparameter.Settings(
        counts=(1, 3), later=(4,), learning_rates=(0.003,), warmup_steps=0, seeds=(0, 1, 2),
        recipe=RECIPE,
    ),
    "wider-deeper": wider_deeper.Settings(
        growing=WIDTHS, within=0.5, learning_rates=(0.003,), warmup_steps=0, seeds=(0, 1, 2),
        recipe=RECIPE,
    ),
    "similar-is-large": similar_is_large.Settings(
        seeds=(0, 1, 2), images=16, widths=WIDTHS, recipe=RECIPE
    ),
}  # fmt: skip
EXPERIMENTS = {name: SCRIPTS[name].experiment(SETTINGS[name]) for name in SCRIPTS}
