//! Programs of others that run for one test.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::run;

/// A program that ends with the test.
pub(crate) struct Program(Child);

impl Program {
    /// Starts it; its output goes to a file of its name.
    pub(crate) fn start(directory: &Path, command: &mut Command) -> Self {
        let name = Path::new(command.get_program()).file_name().expect("a name").to_owned();
        let log = File::create(directory.join(name).with_extension("log")).expect("a log");
        let errors = log.try_clone().expect("the log");
        let started = command.stdin(Stdio::null()).stdout(log).stderr(errors).current_dir(directory).spawn();
        Self(started.unwrap_or_else(|error| panic!("{command:?}: {error}; scripts/setup.sh test")))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

/// Asks for the same again and again, so many at a time. What is answered does not matter.
pub(crate) fn ask(url: &str, times: usize, at_a_time: usize) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--noproxy", "*", "--parallel", "--parallel-max", &at_a_time.to_string()]);
    for _ in 0..times {
        command.args(["--output", "/dev/null", url]);
    }
    run(&mut command).exits(0);
}

/// Asks, and reads the JSON; null while nothing answers.
pub(crate) fn get(url: &str, parameters: &[(&str, &str)]) -> Value {
    let mut command = Command::new("curl");
    command.args(["--silent", "--noproxy", "*", "--get", url]);
    for (name, value) in parameters {
        command.arg("--data-urlencode").arg(format!("{name}={value}"));
    }
    serde_json::from_str(&run(&mut command).stdout).unwrap_or_default()
}
