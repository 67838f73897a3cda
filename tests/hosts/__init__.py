"""Small programs with a worker inside, as their users write them."""
