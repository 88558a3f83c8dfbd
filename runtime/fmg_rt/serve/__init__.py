"""Many faces in one process, for programs that talk: gRPC, WebSocket and HTTP (extra ``[serve]``)."""
