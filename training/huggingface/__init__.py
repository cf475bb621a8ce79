"""Local folders of Hugging Face's models, read without that library and without a network."""
