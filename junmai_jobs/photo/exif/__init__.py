"""EXIF of every maker: read as plain numbers, and copied into what is exported."""
