"""A plugin of attnforge; `plugin.py` declares what it brings."""
