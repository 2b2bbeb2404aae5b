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
# # Compare two runs
#
# Is a change better, or was it luck? This notebook trains two small recipes that differ in one thing,
# measures both by one protocol, and puts them side by side. With runs of yours, change `FIRST` and `SECOND`
# and skip the training.

# %%
from pathlib import Path
from tempfile import mkdtemp

import attnforge

FIRST, SECOND = Path("runs/with-damsm"), Path("runs/without-damsm")

# %% [markdown]
# ## Two runs
#
# A quickstart of half a minute, once with the loss that matches words with regions (DAMSM), once without it.
# Both use the encoders that the first has trained. Steps are so few that both are hardly better than chance.

# %%
if not FIRST.exists():
    folder = Path(mkdtemp())
    small = {
        "extends": "quickstart",
        "data": {"count": 400, "test_count": 100},
        "generator": {"channels": 8},
        "discriminator": {"channels": 8, "max_channels": 32},
        "phases": {"damsm": {"steps": 30}, "gan": {"steps": 40, "checkpoint_every": 10}},
        "evaluation": {"captions": 50},
    }
    FIRST = attnforge.train(small, out=folder / FIRST.name).run.path
    without = {"losses.damsm": None, "pretrained.encoders": FIRST}
    SECOND = attnforge.train(small, overrides=without, out=folder / SECOND.name).run.path

# %% [markdown]
# The same captions and noises, with each run.

# %%
captions = ["a red bird with white wings", "the bird is green and has a yellow belly"]
attnforge.load(FIRST)(captions, n=4)

# %%
attnforge.load(SECOND)(captions, n=4)

# %% [markdown]
# ## One protocol
#
# Numbers compare only if captions, seeds, real images and metrics are the same. A protocol holds them: a
# name such as `offline`, a file, or a dictionary. This one reads the colours of parts off the generated
# birds, which needs no network, and counts birds without a head or with two.

# %%
protocol = {
    "summary": "Colours and heads of sketch birds.",
    "data": "sketch-birds",
    "evaluation": {
        "captions": 100,
        "metrics": {"attributes": "attribute-accuracy", "heads": "head-count"},
    },
}
first = attnforge.evaluate(FIRST, protocol=protocol)
second = attnforge.evaluate(SECOND, protocol=protocol)
second

# %% [markdown]
# ## Side by side
#
# In brackets is a 95% interval of the difference from the first column. Images of the same caption are
# resampled together, so that captions which are hard for both count little; `*` marks an interval without 0.

# %%
comparison = attnforge.compare({"with DAMSM": first, "without": second})
comparison

# %% [markdown]
# For a paper, and for further computation:

# %%
print(comparison.text("latex"))

# %%
for row in comparison.rows:
    print(row.name, row.intervals[0])

# %% [markdown]
# ## Two checkpoints
#
# The same works for two checkpoints of one run: does it still improve?

# %%
names = sorted(path.name for path in (FIRST / "checkpoints").glob("gan-*"))
results = {
    name: attnforge.evaluate(FIRST, checkpoint=name, protocol=protocol, quiet=True)
    for name in (names[0], names[-1])
}
attnforge.compare(results)

# %% [markdown]
# Results of different conditions are refused, with what differs.

# %%
fewer = {**protocol, "evaluation": {**protocol["evaluation"], "captions": 50}}
other = attnforge.evaluate(SECOND, protocol=fewer, quiet=True)
try:
    attnforge.compare([first, other])
except attnforge.errors.AttnforgeError as error:
    print(error)

# %% [markdown]
# ## Next
#
# - Intervals are over images. Another seed of *training* may differ by more: train several, or let [a
#   sweep](../how-to/sweep.md) do it.
# - [Compare systems](../how-to/evaluate.md): protocols, folders of images of any system, and what makes
#   values comparable.
# - [Your own attention](component.ipynb), to have something to compare.
# - [How quality is measured](../explanation/quality.md), and what each metric misses.
