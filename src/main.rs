//! The `hapulse` binary: everything is in the library.

fn main() -> std::process::ExitCode {
    hapulse::cli::main()
}
