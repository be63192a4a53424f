//! The program itself as a process of its own, to be killed.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use crate::wire::PATIENCE;

/// A command line of the program, which sees no settings but these.
pub(crate) fn mask(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mask"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// A running `mask serve`. Whoever drops it kills it.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    said: Arc<Mutex<String>>,
    printed: Arc<Mutex<String>>,
    flags: Vec<(String, String)>,
    folder: Arc<tempfile::TempDir>,
}

impl Server {
    /// Starts a server in a folder of its own, with these settings.
    pub(crate) fn start(flags: &[(&str, &str)]) -> Self {
        Self::launch(owned(flags), Arc::new(tempfile::tempdir().expect("a folder")))
    }

    /// Starts a server on this port.
    pub(crate) fn start_at(port: u16, flags: &[(&str, &str)]) -> Self {
        let listen = format!("127.0.0.1:{port}");
        Self::start(&[flags, &[("server.listen", &listen)]].concat())
    }

    /// Starts a server in this folder.
    pub(crate) fn start_in(folder: tempfile::TempDir, flags: &[(&str, &str)]) -> Self {
        Self::launch(owned(flags), Arc::new(folder))
    }

    /// Starts one with other settings, on the data of one that has ended.
    pub(crate) fn again_with(&self, flags: &[(&str, &str)]) -> Self {
        Self::launch(owned(flags), Arc::clone(&self.folder))
    }

    /// Starts it again, on the data of one that has ended.
    pub(crate) fn again(&self) -> Self {
        Self::launch(self.flags.clone(), Arc::clone(&self.folder))
    }

    fn launch(flags: Vec<(String, String)>, folder: Arc<tempfile::TempDir>) -> Self {
        let mut command = Self::command(&flags, folder.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let (sender, listening) = mpsc::channel();
        let printed = collect(child.stdout.take().expect("a pipe"), |_| ());
        let said = collect(child.stderr.take().expect("a pipe"), move |line| {
            let address = line.split_once("address=").filter(|_| line.contains("listening"));
            if let Some(address) = address.and_then(|(_, rest)| rest.split(' ').next()?.trim().parse().ok()) {
                let _ = sender.send(address);
            }
        });
        let address = wait_for(&listening, &mut child, &said);
        Self { child, address, said, printed, flags, folder }
    }

    fn command(flags: &[(String, String)], folder: &Path) -> Command {
        let mut command = mask(&["serve"]);
        command
            .current_dir(folder)
            .arg("--data-dir")
            .arg(folder.join("data"))
            .env("MASK_SERVER__LISTEN", "127.0.0.1:0");
        for (key, value) in flags {
            command.env(format!("MASK_{}", key.to_uppercase().replace('.', "__")), value);
        }
        command
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What it printed on stdout so far.
    pub(crate) fn printed(&self) -> String {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it printed, once this is in it.
    pub(crate) fn printed_until(&self, part: &str) -> String {
        let began = Instant::now();
        loop {
            let printed = self.printed();
            if printed.contains(part) {
                return printed;
            }
            assert!(began.elapsed() < PATIENCE, "{part} is not in {printed}");
            thread::yield_now();
        }
    }

    /// What it logged so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key that a first start prints.
    pub(crate) fn first_key(&self) -> Option<String> {
        let began = Instant::now();
        loop {
            let key =
                self.printed().lines().map(str::trim).find(|line| line.starts_with("mk_live_")).map(str::to_owned);
            if key.is_some() || began.elapsed() > PATIENCE {
                return key;
            }
            thread::yield_now();
        }
    }

    /// What it holds of the machine's memory.
    pub(crate) fn memory_kib(&self) -> u64 {
        self.status("VmRSS").trim_end_matches(" kB").parse().expect("a number")
    }

    /// What the kernel says of the process under this name (proc_pid_status(5)).
    pub(crate) fn status(&self, name: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("it is there");
        line.trim().to_owned()
    }

    /// SIGKILL: the end of everything, now.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a process");
        self.child.wait().expect("its end");
    }

    /// Asks it to end, and says no more.
    pub(crate) fn ask_to_end(&self) {
        let done = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(done.success());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        ended(&mut self.child)
    }

    /// Asks it to end, which it must do well and in time.
    pub(crate) fn terminate(&mut self) {
        let began = Instant::now();
        self.ask_to_end();
        let status = self.wait();
        assert!(status.success(), "{status}: {}", self.said());
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}: {}", began.elapsed(), self.said());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn owned(flags: &[(&str, &str)]) -> Vec<(String, String)> {
    flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Waits for the end of a process, which must come.
pub(crate) fn ended(child: &mut Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a process") {
            return status;
        }
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("it does not end");
        }
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn wait_for(listening: &Receiver<SocketAddr>, child: &mut Child, said: &Mutex<String>) -> SocketAddr {
    match listening.recv_timeout(PATIENCE) {
        Ok(address) => address,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            let _ = child.kill();
            panic!("it does not listen: {}", said.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Reads all lines of a pipe as they come.
fn collect(pipe: impl Read + Send + 'static, mut each: impl FnMut(&str) + Send + 'static) -> Arc<Mutex<String>> {
    let all = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&all);
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(&line);
                kept.push('\n');
            }
            each(&line);
        }
    });
    all
}
