"""Birds rendered by code, their captions, and a metric of their colours."""
