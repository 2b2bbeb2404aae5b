"""Birds drawn by code, their captions, and the measure of their colours."""
