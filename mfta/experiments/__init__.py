"""One file a section: a config in, a tidy table out."""
