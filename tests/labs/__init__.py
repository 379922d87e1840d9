"""What tests run against and run with: mail servers, services, clients and sites, each in a folder of its subject.

Nothing here is a test. A lab is named for what it stands up, not for who uses it: `mta` real mail servers, `milter`,
`lmtp` and `qmail` the other sides of our doors, `delivery` and `dns` what mail goes out to, `queue`, `desk`, `post`,
`conf` and `doctor` gatepost's own parts with what they need, `service` a small service to start and watch. Files:
`running` gatepost as an operator runs it, `needs` what a machine must have, `clock`, `terminal`, `migrating`.
"""
