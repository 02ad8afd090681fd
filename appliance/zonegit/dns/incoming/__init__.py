"""Zone transfers from other servers: queries, and the answers to AXFR and IXFR read message by message.

Nothing of what a primary sends is believed before it is checked, and all of it is bounded.
"""
