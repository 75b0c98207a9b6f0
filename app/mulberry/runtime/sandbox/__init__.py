"""The ways to lock a job process in, behind one interface (`provider.Sandbox`), and the choice of one."""
