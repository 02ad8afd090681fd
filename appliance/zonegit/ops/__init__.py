"""What an operator touches: configuration, counters, the metrics page, logging, notices to systemd."""
