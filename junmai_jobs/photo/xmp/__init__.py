"""XMP: read and written beside photographs and, when told so, inside them."""
