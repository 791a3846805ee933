# is an empty file
