"""What a server would find on this machine, looked at before it is started."""
