"""The timeline: a canvas component and the rows and segments it draws."""
