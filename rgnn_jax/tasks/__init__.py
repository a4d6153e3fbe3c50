"""From settings to what trains: the only room that knows every concrete model and data set."""
