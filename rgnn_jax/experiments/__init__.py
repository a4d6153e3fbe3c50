"""The course documents' protocols, one file each, and the page that shows them."""
