"""Parts of pages: each file draws one thing from frames that a view has read."""
