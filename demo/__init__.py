"""The demo: a phrase becomes a bundle that the daemon hears by; pictures go by, and it says what it sees."""
