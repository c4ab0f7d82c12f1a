"""The request ceilings of an account: who may send, who waits, and which slots other processes have."""
