// Nothing: the headers are compiled with it.
