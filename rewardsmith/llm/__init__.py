"""The model layer: one asynchronous call in, one recorded reply out, whoever the provider is."""
