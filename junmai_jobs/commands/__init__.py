"""The commands of ``junmai-jobs``, a file a subject; ``cli.py`` puts them together."""
