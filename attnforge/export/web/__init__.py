"""A run as an HTML page that generates in the browser: its graphs as steps, its weights, what runs them."""
