//! A PostgreSQL of our own: real, from Debian, in a directory that goes away, on a free port.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use vigie::config::{ServerConfig, ServerSecurity, StoreConfig};
use vigie::sla::catalog::VantageId;

/// The account that may do everything.
const USER: &str = "vigie";

/// Runs a server until its standard input ends, which it does however this process ends.
const RUN: &str = r#"
"$1/postgres" -D "$2" -k "$2" -p "$3" -c listen_addresses=127.0.0.1 -c fsync=off \
    -c log_destination=stderr >"$2/log" 2>&1 &
server=$!
while read -r _; do :; done
kill -QUIT $server 2>/dev/null
wait $server
rm -rf "$2"
"#;

/// One server.
pub(crate) struct Server {
    directory: PathBuf,
    pub(crate) port: u16,
    running: Option<(Child, ChildStdin)>,
}

/// Where Debian keeps the programs: of the newest version.
fn programs() -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL is not installed: see tests/all")
        .map(|entry| entry.unwrap().path().join("bin"))
        .filter(|programs| programs.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop().expect("no version of PostgreSQL")
}

/// PostgreSQL refuses to run as root.
fn command(program: impl AsRef<Path>) -> Command {
    let program = program.as_ref();
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| {
        use std::os::unix::fs::MetadataExt as _;
        process.uid() == 0
    });
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
        .arg(program);
    command
}

fn check(mut command: Command) {
    let done = command.current_dir("/").output().unwrap();
    assert!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn new_directory() -> PathBuf {
    let made = command("mktemp")
        .args(["-d", "/tmp/vigie-postgres-XXXXXX"])
        .output()
        .unwrap();
    PathBuf::from(String::from_utf8(made.stdout).unwrap().trim())
}

impl Server {
    /// A new one, that writes; sorted as French people sort, so that we notice where we rely on
    /// the order of texts.
    pub(crate) fn start() -> Self {
        let directory = new_directory();
        let mut initdb = command(programs().join("initdb"));
        initdb
            .args(["--auth=trust", "--no-sync", "--encoding=UTF8"])
            .args(["--locale-provider=icu", "--icu-locale=fr", "--username"])
            .arg(USER)
            .arg(&directory);
        check(initdb);
        Self::start_in(directory)
    }

    fn start_in(directory: PathBuf) -> Self {
        let mut server = Self {
            directory,
            port: free_port(),
            running: None,
        };
        server.run();
        server
    }

    /// A copy of this one that follows it, as a standby of that name.
    pub(crate) fn copy(&self, name: &str) -> Self {
        let directory = new_directory();
        let mut backup = command(programs().join("pg_basebackup"));
        backup
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
            .arg("--pgdata")
            .arg(&directory)
            .arg("--dbname")
            .arg(format!(
                "host=127.0.0.1 port={} user={USER} application_name={name}",
                self.port
            ));
        check(backup);
        Self::start_in(directory)
    }

    /// Acknowledges from now on only what the copy of that name has, too.
    pub(crate) fn wait_for_copy(&self, name: &str) {
        self.sql(
            "postgres",
            &format!("ALTER SYSTEM SET synchronous_standby_names = '{name}';"),
        );
        self.sql("postgres", "SELECT pg_reload_conf()");
        let is_synchronous = format!(
            "SELECT count(*) FROM pg_stat_replication
             WHERE application_name = '{name}' AND sync_state = 'sync'"
        );
        self.sql_until("a copy in step", "postgres", &is_synchronous, "1");
    }

    /// Makes a copy the one that writes.
    pub(crate) fn promote(&self) {
        assert_eq!(self.sql("postgres", "SELECT pg_promote()"), "t");
    }

    /// Writes one of its files as its own account.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let mut writer = command("sh")
            .args(["-c", "umask 077; cat >\"$1\"", "sh"])
            .arg(self.directory.join(name))
            .current_dir("/")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = writer.stdin.take().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        drop(input);
        assert!(writer.wait().unwrap().success(), "write {name}");
    }

    /// Starts it (again) and waits until it takes connections.
    pub(crate) fn run(&mut self) {
        let mut child = command("sh")
            .args(["-c", RUN, "sh"])
            .args([programs(), self.directory.clone()])
            .arg(self.port.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let end = child.stdin.take().unwrap();
        self.running = Some((child, end));
        for _ in 0..600 {
            let mut ready = command(programs().join("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if ready.status().unwrap().success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        panic!("PostgreSQL does not start:\n{log}");
    }

    /// Kills every process of it at once, as a power cut would, and leaves its files.
    pub(crate) fn kill(&mut self) {
        let file = std::fs::read_to_string(self.directory.join("postmaster.pid")).unwrap();
        let postmaster = file.lines().next().unwrap();
        let children = format!("/proc/{postmaster}/task/{postmaster}/children");
        let children = std::fs::read_to_string(children).unwrap();
        if let Some((child, _)) = &mut self.running {
            // What waits for the end of its input would tidy up.
            child.kill().unwrap();
            child.wait().unwrap();
        }
        self.running = None;
        for process in [postmaster].into_iter().chain(children.split_whitespace()) {
            let _ = command("kill")
                .args(["-KILL", process])
                .stderr(Stdio::null())
                .status();
        }
        // Until it is gone, another one would refuse to start.
        let process = PathBuf::from("/proc").join(postmaster);
        while process.exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A server with nothing in it but a new database, of that name.
    pub(crate) fn new_database(&self, name: &str) -> StoreConfig {
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.store(name, "main")
    }

    /// The address of the database of that name.
    pub(crate) fn url(&self, database: &str) -> String {
        url(&[self.port], database)
    }

    /// The database of that name, recorded into from `vantage`.
    pub(crate) fn store(&self, database: &str, vantage: &str) -> StoreConfig {
        store(&self.url(database), vantage)
    }

    /// Runs SQL as somebody who knows nothing of our rules.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let mut psql = command(programs().join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(["-p", &self.port.to_string(), "-h"])
            .arg(&self.directory)
            .args(["-U", USER, "-d", database, "-f", "-"])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = psql.spawn().unwrap();
        let mut input = running.stdin.take().unwrap();
        input.write_all(sql.as_bytes()).unwrap();
        drop(input);
        let done = running.wait_with_output().unwrap();
        assert!(
            done.status.success(),
            "{sql}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// Asks until the answer is the expected one.
    pub(crate) fn sql_until(&self, what: &str, database: &str, sql: &str, expected: &str) {
        let mut answer = String::new();
        for _ in 0..600 {
            answer = self.sql(database, sql);
            if answer == expected {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("there never was {what}; at last: {answer}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match self.running.take() {
            Some((mut child, end)) => {
                drop(end);
                child.wait().unwrap();
            }
            // Killed, with nobody to tidy up.
            None => check({
                let mut remove = command("rm");
                remove.arg("-rf").arg(&self.directory);
                remove
            }),
        }
    }
}

/// The address of a database on servers of this machine, the first port first.
pub(crate) fn url(ports: &[u16], database: &str) -> String {
    let hosts: Vec<String> = ports
        .iter()
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    format!("postgres://{USER}@{}/{database}", hosts.join(","))
}

/// A store on the server of `url`, without TLS.
pub(crate) fn store(url: &str, vantage: &str) -> StoreConfig {
    StoreConfig::Server(Box::new(ServerConfig {
        name: url.to_owned(),
        connection: url.parse().unwrap(),
        password: None,
        security: ServerSecurity::Plain,
        connect_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(60),
        vantage: VantageId::new(vantage).unwrap(),
        spool: "unused".into(),
    }))
}

/// The server that tests share, each with a database of its own.
static SHARED: LazyLock<Server> = LazyLock::new(Server::start);
static N_DATABASES: AtomicUsize = AtomicUsize::new(0);

/// The shared server and a new database on it.
pub(crate) fn shared() -> (&'static Server, String) {
    let name = format!("t{}", N_DATABASES.fetch_add(1, Ordering::Relaxed));
    SHARED.new_database(&name);
    (&SHARED, name)
}
