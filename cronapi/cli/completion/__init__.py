"""`cronapi completion`: scripts for bash, zsh and fish."""
