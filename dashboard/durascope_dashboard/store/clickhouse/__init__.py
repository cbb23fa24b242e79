"""What the ClickHouse store is made of: its tables, how rows are packed into them, and how it is reached."""
