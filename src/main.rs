//! The `hapulse` binary: a thin wrapper around the library.

fn main() -> std::process::ExitCode {
    hapulse::cli::main()
}
