"""Zone files: RFC 1035 §5 text in and out, and the checks on a zone."""
