"""Events told to other systems over HTTP: who is told, what, and until it arrived."""
