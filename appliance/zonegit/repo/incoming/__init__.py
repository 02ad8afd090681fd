"""What zones that come from other name servers bring: a whole zone, differences, or nothing new."""
