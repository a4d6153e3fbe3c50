"""Data: texts and, from them, batches."""
