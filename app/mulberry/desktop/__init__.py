"""The window and the tray icon: a face that shows the agent's `Status` and sends its owner's commands."""
