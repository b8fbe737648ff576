//! Sockets of other machines, over the user's own OpenSSH.
//!
//! This module owns the addresses ([`ssh_address`]), the processes and their forwarded sockets ([`ssh_tunnel`]), and what
//! ssh reports ([`ssh_failure`]). It asks for no secret: ssh runs without a terminal ([`ssh_launcher`]), with the
//! configuration, the agent and the known hosts of the user.
//!
//! Data flow: [`ssh_tunnel::connect`] starts one [`ssh_process`] per host, which forwards sockets into a private folder
//! ([`ssh_folder`]), and returns a connection to one of them.

pub mod ssh_address;
pub mod ssh_failure;
pub(crate) mod ssh_folder;
pub(crate) mod ssh_launcher;
pub(crate) mod ssh_process;
pub(crate) mod ssh_tunnel;
