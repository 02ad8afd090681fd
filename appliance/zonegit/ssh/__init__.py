"""SSH keys and signatures: the SSHSIG format, OpenSSH's certificates, and who may sign (allowed signers).

No clock and no network. Only `files` touches files, and only `ssh_keygen` runs a program.
"""
