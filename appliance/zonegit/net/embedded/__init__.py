"""What programs embed: `zonegit.ReplicationServer`, `zonegit.ReplicationClient` and `zonegit.SyncClient`."""
