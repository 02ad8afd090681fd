"""The operator's interface: configuration, counters, the metrics page, logging, notices to systemd."""
