"""Reports of stored runs: one page, tables, pictures. Reads the store; runs no reward."""
