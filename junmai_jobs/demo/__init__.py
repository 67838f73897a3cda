"""A shoot that shows the main job: made, worked on by a server of its own, and gone afterwards."""
