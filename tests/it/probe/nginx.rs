//! A peer that we did not write: nginx over TLS with a private authority.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vigie::sla::catalog::ClientCertificate;
use vigie::sla::observation::Stage;

use super::zoo::Authority;
use super::*;

/// A running nginx, stopped when the test ends.
struct Nginx {
    process: Child,
    http1: SocketAddr,
    http2: SocketAddr,
    /// Wants a certificate of ours.
    who: SocketAddr,
    directory: TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Nginx {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let authority = Authority::new("Vigie test authority");
        let identity = authority.issue(&["localhost"], (2020, 2040));
        std::fs::write(path.join("ca.pem"), authority.pem()).unwrap();
        std::fs::write(path.join("cert.pem"), &identity.pem).unwrap();
        std::fs::write(path.join("key.pem"), identity.key.serialize_pem()).unwrap();
        for (name, years) in [("ours", (2020, 2040)), ("old", (2020, 2024))] {
            let identity = authority.issue(&["vigie.example"], years);
            let key = identity.key.serialize_pem();
            std::fs::write(path.join(format!("{name}.pem")), &identity.pem).unwrap();
            let key_file = path.join(format!("{name}-key.pem"));
            std::fs::write(&key_file, key).unwrap();
            let few_eyes = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&key_file, few_eyes).unwrap();
        }
        std::fs::write(path.join("ca-key.pem"), authority.key_pem()).unwrap();
        let [http1, http2, who] = [free_port(), free_port(), free_port()];
        // Debian's nginx speaks TLS 1.2 only, unless told otherwise.
        let configuration = format!(
            r#"
            daemon off;
            master_process off;
            worker_processes 1;
            pid {path}/nginx.pid;
            error_log {path}/error.log;
            events {{ worker_connections 64; }}
            http {{
                access_log {path}/access.log;
                client_body_temp_path {path}/body;
                proxy_temp_path {path}/proxy;
                fastcgi_temp_path {path}/fastcgi;
                uwsgi_temp_path {path}/uwsgi;
                scgi_temp_path {path}/scgi;
                ssl_certificate {path}/cert.pem;
                ssl_certificate_key {path}/key.pem;
                ssl_protocols TLSv1.2 TLSv1.3;
                default_type application/json;
                gzip on;
                gzip_types application/json;
                gzip_min_length 1;
                server {{ listen {http1} ssl; {locations} }}
                server {{ listen {http2} ssl http2; {locations} }}
                server {{
                    listen {who} ssl;
                    ssl_verify_client on;
                    ssl_client_certificate {path}/ca.pem;
                    {locations}
                }}
            }}
            "#,
            path = path.display(),
            locations = r#"
                location = /ping { return 200 '{"status":"ok"}'; }
                location = /maintenance { return 200 '{"status":"maintenance"}'; }
                location = /moved { return 302 /ping; }
                location = /protocol { return 200 '{"status":"$server_protocol $ssl_protocol $http_user_agent"}'; }
                location / { return 503; }
            "#,
        );
        std::fs::write(path.join("nginx.conf"), configuration).unwrap();
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx"]
            .into_iter()
            .find(|program| std::path::Path::new(program).exists())
            .expect("nginx is not installed: run tests/all");
        let process = Command::new(program)
            .args(["-c".as_ref(), path.join("nginx.conf").as_os_str()])
            .args(["-e".as_ref(), path.join("error.log").as_os_str()])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self {
            process,
            http1,
            http2,
            who,
            directory,
        };
        nginx.await_readiness();
        nginx
    }

    fn await_readiness(&self) {
        let patience = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(self.http2).is_err() {
            let log = self.directory.path().join("error.log");
            assert!(
                Instant::now() < patience,
                "nginx does not start: {}",
                std::fs::read_to_string(log).unwrap_or_default()
            );
            std::thread::yield_now();
        }
    }
}

fn free_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
#[ignore = "needs nginx: tests/all"]
async fn nginx_over_tls_with_a_private_authority() {
    let nginx = Nginx::start();
    for (address, protocol) in [(nginx.http1, "HTTP/1.1"), (nginx.http2, "HTTP/2.0")] {
        let agent = format!("vigie/{}", env!("CARGO_PKG_VERSION"));
        let spoken = format!("{protocol} TLSv1.3 {agent}");
        for (path, up, expected, message) in [
            ("/ping", "ok", "answered", ""),
            ("/protocol", &spoken, "answered", ""),
            (
                "/maintenance",
                "ok",
                "maintenance",
                "`$.status` is `maintenance`",
            ),
            ("/moved", "ok", "status:302", "status 302, expected 200"),
            ("/other", "ok", "status:503", "status 503, expected 200"),
        ] {
            let mut probe = get("localhost", address);
            probe.url.tls = true;
            probe.url.path = path.to_owned();
            probe.ca_file = Some(nginx.directory.path().join("ca.pem"));
            probe.json = ping_state();
            probe.json.as_mut().unwrap().up = vec![up.to_owned()];
            let finding = ask(&endpoint(probe)).await;
            assert_finding(&format!("{protocol} {path}"), &finding, expected, message);
            assert!(finding.trace.certificate_not_after.is_some());
            for stage in Stage::ALL {
                let reached = finding.trace.phases.of(stage).is_some();
                assert_eq!(reached, stage != Stage::Auth, "{stage:?}");
            }
        }
    }

    let mut probe = get("localhost", nginx.http1);
    probe.url.tls = true;
    probe.ca_file = None;
    let finding = ask(&endpoint(probe)).await;
    assert_ne!(
        verdict(&finding),
        "answered",
        "the private authority is nobody's"
    );
}

/// It completes the handshake with a certificate that it does not take, and answers 400.
#[tokio::test]
#[ignore = "needs nginx and openssl: tests/all"]
async fn nginx_that_wants_our_certificate() {
    let nginx = Nginx::start();
    let path = |name: &str| nginx.directory.path().join(name);
    make_version_1(nginx.directory.path());
    let ours = |name: &str| ClientCertificate {
        file: path(&format!("{name}.pem")),
        key_file: path(&format!("{name}-key.pem")),
    };
    let old = format!(
        "status 400, expected 200; our certificate in `{}` ended on 2024-01-01 00:00 UTC: renew it",
        path("old.pem").display()
    );
    for (what, shown, expected, message) in [
        ("ours", Some(ours("ours")), "answered", ""),
        ("of version 1", Some(ours("v1")), "answered", ""),
        ("old", Some(ours("old")), "void credential:400", &old),
        ("none", None, "status:400", "status 400, expected 200"),
    ] {
        let mut probe = get("localhost", nginx.who);
        probe.url.tls = true;
        probe.url.path = "/ping".to_owned();
        probe.ca_file = Some(path("ca.pem"));
        probe.client_certificate = shown;
        let finding = ask(&endpoint(probe)).await;
        assert_finding(what, &finding, expected, message);
    }
}

/// A certificate without extensions, as `openssl x509 -req` makes it unless told otherwise.
fn make_version_1(folder: &std::path::Path) {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(folder)
            .output()
            .expect("openssl is not installed: run tests/all");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    openssl("req -newkey rsa:2048 -nodes -subj /CN=vigie -keyout v1-key.pem -out v1.csr");
    openssl("x509 -req -in v1.csr -CA ca.pem -CAkey ca-key.pem -set_serial 2 -days 30 -out v1.pem");
    let text = openssl("x509 -in v1.pem -noout -text");
    assert!(text.contains("Version: 1 "), "{text}");
}
