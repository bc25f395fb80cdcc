//! A `redis-server` of a test's own, and a scripted one.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::FromRedisValue;

use super::PATIENCE;

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

    /// Waits until nobody is connected but this test, which asks.
    pub fn wait_until_alone(&self) {
        assert!(self.wait_for_connections(0).is_empty());
    }

    /// Waits until one connection is left that is not this test's own, and returns the number that the server gave it.
    pub fn wait_for_one_connection(&self) -> String {
        self.wait_for_connections(1).remove(0)
    }

    /// The server needs a moment to see that a connection has gone, also that of an earlier question.
    fn wait_for_connections(&self, count: usize) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let clients: String = self.ask("CLIENT LIST");
            let others = clients.lines().filter(|line| !line.contains("cmd=client|list"));
            let numbers: Vec<String> = others.map(|line| line.split(' ').next().unwrap().to_owned()).collect();
            if numbers.len() == count {
                return numbers;
            }
            assert!(Instant::now() < end, "not {count} connections beside the asking one: {clients}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn await_ready(&self) {
        let end = Instant::now() + PATIENCE;
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

/// Returns a port on which nothing listens, and which nobody else takes: not this process for an outgoing connection, whose
/// ports are above, and not another one for a server. Each process reserves a block by listening on its first port, also the
/// specs in JavaScript (`__test__/support/ports.ts`).
pub fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const LAST: u16 = 32_000;
    const BLOCK: u16 = 100;
    static RESERVED: Mutex<(Vec<TcpListener>, Range<u16>)> = Mutex::new((Vec::new(), 0..0));
    let bind = |port: u16| TcpListener::bind(("127.0.0.1", port)).ok();
    let (guards, ports) = &mut *RESERVED.lock();
    loop {
        if let Some(port) = ports.find(|port| bind(*port).is_some()) {
            return port;
        }
        let (first, guard) = (FIRST..LAST)
            .step_by(usize::from(BLOCK))
            .find_map(|first| Some((first, bind(first)?)))
            .expect("a block of ports that no other process has reserved");
        guards.push(guard);
        *ports = first + 1..first + BLOCK;
    }
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

/// A stretch of network to a server, which can lose replies.
pub struct DeafRelay {
    pub port: u16,
    is_deaf: Arc<AtomicBool>,
    has_lost: Arc<AtomicBool>,
}

impl DeafRelay {
    /// After the loss of a reply its connection breaks, or nothing comes back through it any more if `then_silent`.
    pub fn start(target: u16, then_silent: bool) -> DeafRelay {
        let (is_deaf, has_lost) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (deaf, lost) = (is_deaf.clone(), has_lost.clone());
        let port = scripted(move |mut client, _| {
            let mut server = TcpStream::connect(("127.0.0.1", target)).unwrap();
            let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || {
                let _ = std::io::copy(&mut from_client, &mut to_server);
                let _ = to_server.shutdown(Shutdown::Both);
            });
            let (deaf, lost) = (deaf.clone(), lost.clone());
            thread::spawn(move || {
                let (mut buffer, mut has_lost_one) = ([0; 4_096], false);
                while let Ok(length @ 1..) = server.read(&mut buffer) {
                    if has_lost_one || deaf.load(Ordering::SeqCst) {
                        has_lost_one = true;
                        lost.store(true, Ordering::SeqCst);
                        if !then_silent {
                            break;
                        }
                    } else if client.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
                let _ = client.shutdown(Shutdown::Both);
            });
        });
        DeafRelay { port, is_deaf, has_lost }
    }

    /// Loses replies until `hear` is called.
    pub fn deafen(&self) {
        self.is_deaf.store(true, Ordering::SeqCst);
    }

    pub fn wait_for_loss(&self) {
        while !self.has_lost.load(Ordering::SeqCst) {
            thread::yield_now();
        }
    }

    pub fn hear(&self) {
        self.is_deaf.store(false, Ordering::SeqCst);
    }
}

/// A slow stretch of network to the server at `target`: takes all that is sent at once, as large buffers do, and passes on
/// this many bytes a second. Replies are not slowed down.
pub fn slow_relay(target: u16, bytes_per_second: usize) -> u16 {
    const PIECES_PER_SECOND: usize = 50;
    scripted(move |client, _| {
        let server = TcpStream::connect(("127.0.0.1", target)).unwrap();
        let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut from_server, &mut to_client));
        let (sender, receiver) = std::sync::mpsc::channel::<Vec<u8>>();
        thread::spawn(move || {
            let (mut client, mut buffer) = (client, vec![0; 1024 * 1024]);
            while let Ok(length @ 1..) = client.read(&mut buffer) {
                let _ = sender.send(buffer[..length].to_vec());
            }
        });
        thread::spawn(move || {
            let mut server = server;
            for bytes in receiver {
                for piece in bytes.chunks(bytes_per_second / PIECES_PER_SECOND) {
                    let _ = server.write_all(piece);
                    // In proportion, so that small commands are not slowed down.
                    thread::sleep(Duration::from_secs_f64(piece.len() as f64 / bytes_per_second as f64));
                }
            }
            let _ = server.shutdown(Shutdown::Both);
        });
    })
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
