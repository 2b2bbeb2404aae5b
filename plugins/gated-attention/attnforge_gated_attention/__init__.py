"""A plugin for attnforge; `plugin.py` declares its components and recipes."""
