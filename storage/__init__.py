"""storage remembers: SQLAlchemy Core on SQLite or PostgreSQL, with the same statements on both."""
