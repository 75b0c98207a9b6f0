"""What a job process gives up before it touches a stranger's model or prompt. It does so itself and cannot take it back."""
