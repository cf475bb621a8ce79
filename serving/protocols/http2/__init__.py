"""HTTP/2 as a server speaks it (RFC 9113): bytes in, events out, and the other way round. No sockets, no clock."""
