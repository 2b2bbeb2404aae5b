# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
# %% [markdown]
# # Train from Python
#
# A recipe is a name, a file or a dictionary. This notebook changes one, trains it at a size that takes half
# a minute, continues it, and measures the result.

# %%
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.stages import RefineStage

import attnforge
from attnforge.errors import AttnforgeError

# %% [markdown]
# ## A recipe
#
# This one is the quickstart, AttnGAN on birds that code renders, with fewer birds, narrower networks and
# hardly any steps. Components are names, dictionaries with `use`, or classes; `functools.partial` gives a
# class its options.

# %%
refine = partial(RefineStage, attention="word", residual_blocks=1)
small = attnforge.recipe(
    {
        "extends": "quickstart",
        "data": {"count": 400, "test_count": 100},
        "generator": partial(MultiStageGenerator, channels=8, stages=["initial", refine, refine]),
        "discriminator": {"channels": 8, "max_channels": 32},
        "phases": {"damsm": {"steps": 30}, "gan": {"steps": 30}},
        "evaluation": {"captions": 50},
    }
)
small.data()["generator"]

# %% [markdown]
# `data()` has every value with its default. Two recipes with the same digest train the same model, however
# they were written.

# %%
other_seed = attnforge.recipe(small, overrides={"training.seed": 2})
small.digest[:8], other_seed.digest[:8]

# %% [markdown]
# What is wrong with a recipe is reported before anything is built, all of it at once.

# %%
try:
    attnforge.recipe(small, overrides={"generator.chanels": 16, "phases.gan.steps": "many"})
except AttnforgeError as error:
    print(error)

# %% [markdown]
# ## Training
#
# The phase `damsm` trains the encoders that match words with regions of images, the phase `gan` the
# generator. Stop it whenever you like: the stop button saves a checkpoint.

# %%
folder = Path(mkdtemp())
outcome = attnforge.train(small, out=folder / "birds")
outcome

# %% [markdown]
# The values are those of chance: so few steps teach nothing. Remove everything but `extends` from the
# recipe, and it trains for six minutes, and generates birds in the colours of their captions.

# %% [markdown]
# More steps of the same run:

# %%
outcome = attnforge.train(
    outcome.run.path, resume=True, overrides={"phases.gan.steps": 40}, allow_changes=True
)

# %% [markdown]
# Everything that training logs is in the run's folder, and here as rows.

# %%
for row in outcome.run.scalars():
    if row["phase"] == "gan":
        print(row["step"], *(f"{name} {value:.2f}" for name, value in row.items() if "damsm" in name))

# %% [markdown]
# ## How good is it?
#
# The metrics of the recipe, on captions whose combinations of colours training never showed. A value with
# its chance level is worth more than one without.

# %%
measurement = attnforge.evaluate(outcome.run.path, overrides={"evaluation.captions": 80})
measurement

# %%
measurement.metrics["attribute accuracy"], measurement.checkpoint

# %% [markdown]
# And the images:

# %%
model = attnforge.load(outcome.run.path)
model(["a red bird with white wings", "the bird is green and has a yellow belly"], n=4)

# %% [markdown]
# ## Next
#
# - [Your own attention](component.ipynb): a component that is written in a cell.
# - [Compare two runs](compare.ipynb): which of two is better, and whether that is luck.
# - [Write a recipe](../how-to/write-a-recipe.md): every key, and what to change first.
# - [Your own images](../tutorial/own-images.md): a folder with captions is enough.
