//! A `redis-server` of a test's own, and a scripted one.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use redis::FromRedisValue;

/// Ended, by its process id, when dropped.
pub struct Server {
    child: Child,
    pub port: u16,
    arguments: Vec<String>,
    directory: tempfile::TempDir,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Server {
        let directory = tempfile::tempdir().unwrap();
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let port = free_port();
        let child = launch(port, &arguments, &directory);
        let server = Server { child, port, arguments, directory };
        server.await_ready();
        server
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    /// Like a power cut, for this process.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port, with the same data.
    pub fn restart(&mut self) {
        self.child = launch(self.port, &self.arguments, &self.directory);
    }

    pub fn pause(&self) {
        self.signal(libc::SIGSTOP);
    }

    pub fn resume(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: libc::c_int) {
        let pid = libc::pid_t::try_from(self.child.id()).unwrap();
        // SAFETY: sends a signal to a child of ours that has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    /// Asks through a connection of the test's own.
    pub fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        self.try_ask(command).unwrap()
    }

    fn try_ask<T: FromRedisValue>(&self, command: &str) -> redis::RedisResult<T> {
        let client = redis::Client::open(("127.0.0.1", self.port))?;
        let words: Vec<&str> = command.split(' ').collect();
        redis::cmd(words[0]).arg(&words[1..]).query(&mut client.get_connection()?)
    }

    /// Waits until this asking connection is the only one: the server needs a moment to see that another has gone.
    pub fn wait_until_alone(&self) {
        let end = Instant::now() + Duration::from_secs(5);
        while self.ask::<String>("CLIENT LIST").lines().count() > 1 {
            assert!(Instant::now() < end, "a connection outlives its store");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn await_ready(&self) {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            match self.try_ask::<redis::Value>("PING") {
                Ok(_) => return,
                Err(error) if error.code() == Some("NOAUTH") => return,
                Err(error) => assert!(Instant::now() < end, "redis-server did not start: {error}"),
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(port: u16, arguments: &[String], directory: &tempfile::TempDir) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--unixsocket", "redis.sock"])
        .arg("--dir")
        .arg(directory.path())
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("these tests need the program redis-server in the PATH; install the package redis")
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A listener that treats each connection as `script` says. Its thread ends with the test process.
pub fn scripted(script: impl Fn(TcpStream, usize) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (number, socket) in listener.incoming().enumerate() {
            script(socket.unwrap(), number);
        }
    });
    port
}

/// Reads until the other side has sent as many commands as this, each of them an array on the wire.
pub fn read_commands(socket: &mut TcpStream, count: usize) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4_096];
    while seen.iter().filter(|byte| **byte == b'*').count() < count {
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => seen.extend_from_slice(&buffer[..length]),
        }
    }
}
