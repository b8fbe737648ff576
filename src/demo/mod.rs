//! An embedded, simulated HAProxy behind the same socket protocol as a real one.
