"""How good the judgement of photographs is: the tables of docs/photo-quality.md, one module a table."""
