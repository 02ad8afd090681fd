"""The `zonegit` command: parse arguments, call `zonegit.repo`, render text or JSON. Decides nothing about zones."""
