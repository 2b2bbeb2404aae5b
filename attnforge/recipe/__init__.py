"""Recipes: YAML with positions, parents and overrides, decoded against constructors.

Nothing here imports torch before `resolve` is called. Called, it resolves a recipe from a file, a name or a
dictionary: `attnforge.recipe({"extends": "quickstart"})`.
"""

from attnforge.called import called
from attnforge.recipe.compose import ComposedRecipe, compose
from attnforge.recipe.library import RecipeFile, library
from attnforge.recipe.resolve import resolve
from attnforge.recipe.resolved import ResolvedRecipe

__all__ = ["ComposedRecipe", "RecipeFile", "ResolvedRecipe", "compose", "library", "resolve"]

called(__name__, "attnforge.api.recipes:recipe")
