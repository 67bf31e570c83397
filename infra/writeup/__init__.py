"""Answers as sentences, tables, pictures, files and pages."""
