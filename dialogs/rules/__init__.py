"""The rule book: what a coach has written down, asked about an athlete's days and plan. It may ease and hold; whatever
adds load it can only wish for. `evaluate` is how it is asked, `book` how it is read, `form` what may stand in it."""
