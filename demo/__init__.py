"""The demo: a phrase becomes a bundle, and the daemon hears it from voices that it was not trained on."""
