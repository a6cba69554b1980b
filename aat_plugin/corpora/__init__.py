"""Text before it is numbers: fetching, reading, tokenising, subwords. The same for a toy and for millions of lines."""
