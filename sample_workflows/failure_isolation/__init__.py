"""One of several fails: salvage the rest, undo what was done, or carry on with less."""
