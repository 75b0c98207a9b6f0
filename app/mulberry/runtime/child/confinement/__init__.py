"""What a job process gives up before it touches a stranger's model or prompt: by itself, and for good."""
